"""Packaging a dataset for other people: files, documents, checksums."""
