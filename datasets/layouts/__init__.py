"""Folder layouts of published datasets as path patterns, and the files they match."""
