"""Scenes out of focus: what is there, the lens, the camera, and the truth of it."""
