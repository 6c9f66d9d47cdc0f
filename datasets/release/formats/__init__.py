"""File formats of a release."""
