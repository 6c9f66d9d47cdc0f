"""Shifts of tiles, and what of them depth and repeating textures explain."""
