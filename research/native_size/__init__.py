"""Measures systems on pictures of the size that cameras have, for ``research.pages.native``."""
