"""Richardson-Lucy deconvolution with one disc per picture."""
