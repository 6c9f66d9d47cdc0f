"""DAEformer, rebuilt: attention of each kind with a gate of the other kind beside it."""
