"""Development of RAW pairs with equal parameters."""
