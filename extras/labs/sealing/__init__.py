"""Sealed test sets: the truth is encrypted until its key is published."""
