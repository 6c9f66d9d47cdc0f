"""Submissions: one signed file with a study's rows, outputs and origins, and how it is checked."""
