"""JNB: blur from the number of dictionary atoms of a patch, then deconvolution."""
