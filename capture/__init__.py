"""Capture: cameras, brackets at constant exposure, sessions that survive a crash."""
