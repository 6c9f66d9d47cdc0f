"""Exposure, colour gains and blur of the two pictures of a pair."""
