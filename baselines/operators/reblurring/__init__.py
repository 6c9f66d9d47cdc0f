"""The reblurring operator: per-pixel isotropic kernels, exact and fast, in three ways."""
