"""JDRL's U-Net trained on registered pairs, which is our own way to use misaligned ones."""
