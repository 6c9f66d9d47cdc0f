"""Readers of printed characters of this extra."""
