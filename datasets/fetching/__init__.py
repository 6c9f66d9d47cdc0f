"""Releases fetched from servers and folders, file by file, each by its hash."""
