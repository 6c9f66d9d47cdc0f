"""Rendered pairs whose misalignment has a known size, for studies by dose."""
