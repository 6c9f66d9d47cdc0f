"""Restoration of a user's own pictures, without reference."""
