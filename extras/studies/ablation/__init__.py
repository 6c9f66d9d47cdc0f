"""Ablations: the effect of each part of a training."""
