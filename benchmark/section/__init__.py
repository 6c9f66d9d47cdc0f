"""Sections of the reports of a study."""
