"""PWC-Net: network with the official state-dict names, and its weights."""
