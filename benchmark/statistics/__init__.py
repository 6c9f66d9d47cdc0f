"""Statistics: intervals, tests and comparability of systems."""
