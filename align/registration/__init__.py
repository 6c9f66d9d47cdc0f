"""Global registration: one transform between the two pictures of a pair."""
