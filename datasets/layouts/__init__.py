"""Folder layouts of published datasets as path patterns, and what is found by them."""
