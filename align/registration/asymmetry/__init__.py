"""Displacement caused by an asymmetric PSF."""
