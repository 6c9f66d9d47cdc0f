"""Statistics: intervals, tests, and who may be compared with whom."""
