"""GKMNet: deblurring as a mixture of Gaussians, unrolled over three scales."""
