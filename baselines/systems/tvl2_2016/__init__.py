"""Blur map from local contrast and edge gradient, then TV/L2 deconvolution."""
