"""Packaging of a dataset as a release: files, documents, checksums."""
