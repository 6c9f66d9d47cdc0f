"""Deconvolution with the true defocus map: an upper bound for map-based restoration."""
