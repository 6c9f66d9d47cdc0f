"""Rendered pairs with exact flow: textures, surfaces, point spread functions, labels."""
