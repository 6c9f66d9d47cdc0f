"""Restormer in reblurring-guided JDRL."""
