"""Plain implementations that ours are compared with."""
