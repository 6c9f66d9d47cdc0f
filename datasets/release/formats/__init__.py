"""The forms in which a release can lie on disk."""
