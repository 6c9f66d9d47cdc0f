"""Classical deconvolution: one disc per picture, its size read from the picture's spectrum."""
