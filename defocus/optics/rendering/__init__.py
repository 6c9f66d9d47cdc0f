"""The layered renderer, with field positions, dual-pixel views and sensor noise."""
