"""Additions of this extra to a session."""
