"""A user's weights files: read in a separate process, checked, converted and stored."""
