"""Restormer: attention between channels, in a U of four levels."""
