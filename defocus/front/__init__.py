"""Python interface: the functions that ``import defocus`` offers, one module per group."""
