"""Cameras in a process of their own, so that a crash of a library ends no session."""
