"""Deconvolution with the true map: the bound of what map-based restoration can reach."""
