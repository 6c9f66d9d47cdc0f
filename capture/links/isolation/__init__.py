"""Cameras in separate processes, so that a library crash does not end a session."""
