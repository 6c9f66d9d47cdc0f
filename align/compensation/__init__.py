"""Compensation: the sharp picture brought onto the blurry one, and its files."""
