"""Sidecars: corrections of published datasets that contain no pictures."""
