"""Optical flow between the two pictures of a pair."""
