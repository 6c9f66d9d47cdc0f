"""Displacement by an asymmetric point spread function."""
