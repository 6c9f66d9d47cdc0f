"""OKNet: kernels of 63 px and products with the spectrum at the coarsest size."""
