"""Thin lens, circle of confusion, point spread functions and the layered renderer."""
