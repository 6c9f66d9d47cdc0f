"""Restored pictures of the printed chart: deblurring in the units of optics."""
