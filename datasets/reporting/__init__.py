"""Report of a dataset, for its future users."""
