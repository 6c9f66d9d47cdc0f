"""Scenes of rendered pairs: surfaces, shapes, textures, the user's files."""
