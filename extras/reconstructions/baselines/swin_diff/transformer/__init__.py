"""HI-Diff's transformer with windows."""
