"""Blur and deconvolution with a PSF per pixel."""
