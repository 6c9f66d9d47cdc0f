"""JNB: how many atoms a patch needs tells how blurred it is; then deconvolution."""
