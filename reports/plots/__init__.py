"""Plots: line, scatter and overlay geometry, and vector figures for papers."""
