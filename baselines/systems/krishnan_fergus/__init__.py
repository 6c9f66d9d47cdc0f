"""Krishnan and Fergus's hyper-Laplacian deconvolution with one disc per picture."""
