"""The part that reblurring-guided JDRL adds to a network: its blur estimator."""

from torch import nn

from defocus.baselines.objectives.jdrl.reblur import LEVELS, Trunk
from defocus.baselines.operators.reblurring.rings import seed_count

__all__ = ["ATTENTION_REDUCTION", "CORE", "FEATURES", "BlurEstimator"]

CORE = seed_count(LEVELS)
"""Radial samples of all kernels: what the estimator predicts of each pixel."""
ATTENTION_REDUCTION = 16
"""Of the channel attention over picture and estimate."""
FEATURES = 32
BIAS = 0.1


class BlurEstimator(Trunk):
    """Predicts from the blurry picture the radial kernel samples that R finds."""

    def __init__(self, features: int = FEATURES) -> None:
        super().__init__(3, CORE, features)
        self.apply(_initialise)


def _initialise(module: nn.Module) -> None:
    """He's initialisation by fan-out, biases 0.1, as the released code."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.constant_(module.bias, BIAS)
