"""Alignment: optical flow, warping, registration, masks, what a pair's misalignment is."""
