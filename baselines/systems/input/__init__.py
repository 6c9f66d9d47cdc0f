"""The blurry picture itself, which every system must beat."""
