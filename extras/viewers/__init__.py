"""Pairs and their measurements as folders that viewers of other projects open."""
