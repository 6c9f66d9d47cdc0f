"""Weights files that a user brings: read in a process apart, checked, converted, remembered."""
