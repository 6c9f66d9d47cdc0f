"""Simulated camera: options, scenes, lens and sensor."""
