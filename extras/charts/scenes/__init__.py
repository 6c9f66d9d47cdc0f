"""Scenes of the simulated camera."""
