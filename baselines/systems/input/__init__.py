"""The blurry picture itself: what every system must beat."""
