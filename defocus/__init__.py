"""Toolkit for single image defocus deblurring, from the camera to the leaderboard."""

__all__ = ["__version__"]

__version__ = "0.1.0"
