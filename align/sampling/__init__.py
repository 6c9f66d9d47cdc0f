"""Sampling: interpolation, downscaling, upscaling and warping of pictures."""
