"""The face of the package: what ``import defocus`` offers, one module per group of functions."""
