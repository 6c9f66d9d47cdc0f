"""Measures of pictures of known patterns: edges, stars, dead leaves, lines, text."""
