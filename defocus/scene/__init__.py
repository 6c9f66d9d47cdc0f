"""Scenes out of focus: what stands there, the lens, the camera, and the truth of it."""
