"""Deconvolution with one PSF, and the domains that it works in."""
