"""Cutting the pictures of a dataset into patches, as DPDD and SDD were cut."""
