"""DAEformer, rebuilt: spatial and channel attention, each gated by the other."""
