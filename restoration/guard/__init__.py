"""Keeps a restored picture from being worse than what was given."""
