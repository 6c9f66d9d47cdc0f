"""Learned perceptual image patch similarity (LPIPS 0.1 on AlexNet) as a loss."""

import contextlib
import sys
import warnings
from typing import Any, Literal

from torch import Tensor

from defocus.baselines.loss import LossFunction
from defocus.baselines.weights.backbone_files import ALEXNET
from defocus.baselines.weights.backbones import features_of, frozen, left_out

SMALLEST_PX = 31
"""Smallest side of a picture. Below it AlexNet's second pooling has nothing left to pool."""


class _LPIPS:
    def __init__(
        self,
        model: Any,  # noqa: ANN401 - no types there
        *,
        normalise: bool,
        flipped: bool,
    ) -> None:
        self.model = model
        self.normalise = normalise
        self.flipped = flipped

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        self.model.to(output.device)
        if self.flipped:
            output = output.flip(1)
            target = target.flip(1)
        distances: Tensor = self.model(output, target, normalize=self.normalise)
        return distances.abs().mean()


def make(
    normalise: bool = True,
    colour_order: Literal["rgb", "bgr"] = "rgb",
) -> LossFunction:
    """Make the loss, the batch mean of |LPIPS|; zero, with a warning, without AlexNet's file."""
    # Sides are 31 px or more. Some trainings do not ``normalise`` to [-1, 1], as LPIPS requires.
    # Source: Zhang et al., The Unreasonable Effectiveness of Deep Features, CVPR 2018.
    stored = features_of(ALEXNET)
    if stored is None:
        return left_out("lpips", ALEXNET)
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lpips

        model = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    # lpips names its slices' layers slice1.0, slice2.3, …, with torchvision's index at the end.
    state = {name: stored[name.split(".", 1)[1]] for name in model.net.state_dict()}
    model.net.load_state_dict(state)
    return _LPIPS(frozen(model), normalise=normalise, flipped=colour_order == "bgr")
