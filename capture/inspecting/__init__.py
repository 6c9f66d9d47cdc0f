"""Checks of camera and computer before a shoot."""
