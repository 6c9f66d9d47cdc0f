"""Weights: shipped ones, a user's files (read in a process of their own), ImageNet backbones."""
