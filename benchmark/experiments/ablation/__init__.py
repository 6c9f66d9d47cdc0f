"""Ablations: what each part of a training is worth, measured line by line."""
