"""Classical deconvolution: one blur for the whole picture, or one per pixel given by a map."""
