"""Pairs like those of a camera: photographs, real lenses, a camera's pipeline, known warps."""
