"""Optical flow between the members of a pair."""
