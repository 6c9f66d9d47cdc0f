"""Scores and curves in the course of a training."""
