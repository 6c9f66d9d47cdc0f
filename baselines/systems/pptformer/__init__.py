"""PPTformer: a transformer guided by a parsed (segmented) version of the picture."""
