"""P2IKT: inverse Gaussian kernels and a predicted one, mixed per pixel, from coarse to fine."""
