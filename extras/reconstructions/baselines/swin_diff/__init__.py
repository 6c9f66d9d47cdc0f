"""Swin-Diff, rebuilt: a transformer conditioned on a prior from a diffusion."""
