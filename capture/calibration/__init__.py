"""Calibration of cameras: their differences from their labels, measured before a session."""
