"""Reblurring operator with per-pixel isotropic kernels, in three implementations."""
