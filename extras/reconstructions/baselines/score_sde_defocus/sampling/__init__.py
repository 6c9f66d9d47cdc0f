"""Noise levels, the sampler, and the likelihood of the blurry picture."""
