"""Calibration of cameras before a session: deviations from their labels."""
