"""Conformance of systems with the official ones."""
