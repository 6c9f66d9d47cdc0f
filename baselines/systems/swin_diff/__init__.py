"""Swin-Diff, rebuilt: a transformer that is told a prior, which a diffusion makes."""
