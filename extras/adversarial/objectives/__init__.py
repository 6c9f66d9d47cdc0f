"""Objectives of the systems with a critic, one module each."""
