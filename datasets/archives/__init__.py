"""Unpacking archives that come from anybody."""
