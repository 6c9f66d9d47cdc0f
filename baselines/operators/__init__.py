"""Operators: reblurring and classical deconvolution."""
