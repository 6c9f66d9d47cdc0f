"""Objectives of the reconstructed systems, one module each."""
