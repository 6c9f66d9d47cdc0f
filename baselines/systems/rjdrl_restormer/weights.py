"""The released checkpoints are built as those of the guided U-Net."""

from defocus.baselines.systems.rjdrl_unet.weights import convert

__all__ = ["convert"]
