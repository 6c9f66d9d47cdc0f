"""Capture: cameras, brackets at constant exposure, crash-safe sessions."""
