"""Exposure, colour gains and blur of the members of a pair."""
