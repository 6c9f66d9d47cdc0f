"""Restoring a person's own pictures, which have no sharp partner."""
