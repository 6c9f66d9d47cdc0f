"""The released checkpoints are built as those of the guided U-Net."""

from defocus.baselines.rjdrl_unet.weights import convert

__all__ = ["convert"]
