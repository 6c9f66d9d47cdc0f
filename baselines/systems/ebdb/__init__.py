"""EBDB: edge-based defocus map with scale selection, then deconvolution."""
