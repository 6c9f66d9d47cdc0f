"""Checksum manifests of a folder: write, compare and repair."""
