"""From a picture to a restored one: a blur per picture or per pixel, then its deconvolution."""
