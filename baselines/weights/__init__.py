"""Weights: shipped ones, ImageNet backbones, TensorFlow variables, shared parameters."""
