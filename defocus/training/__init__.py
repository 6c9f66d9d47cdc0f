"""The trainer of everything that learns: one loop, one checkpoint, one curve, one way to resume."""
