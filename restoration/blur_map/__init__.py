"""Estimates the circle of confusion of each pixel from a single picture."""
