"""Alignment: registration, optical flow, masks, compensation and misalignment of pairs."""
