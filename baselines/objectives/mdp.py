"""MDP's training: the restored picture and the two dual-pixel views behind the blurry one."""

import contextlib
from collections.abc import Iterator
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import mse_loss

from defocus.baselines.objective import (
    Batch,
    Objective,
    Progress,
    Result,
    detached,
    outputs_of,
)

Phase = Literal["views", "deblur"]
"""``views``: the paper's first training, on the blurry picture in place of a sharp one, with the
sharp decoder fixed; ``deblur``: the second one, on sharp pictures."""

VIEWS_WEIGHT = {"views": 1.0, "deblur": 0.2}
CENTRE_WEIGHT = 0.2
DISPARITY_WEIGHT = 0.2


class MDPObjective(Objective):
    """MSE(sharp) + a MSE(views) + 0.2 MSE(c - (l + r) / 2) + 0.2 MSE(difference of the views)."""

    # a is 1 in the first phase and 0.2 in the second. c is the blurry picture, which the sensor's
    # halves sum up to. Source: Abuolaim, Afifi, Brown, WACV 2022, L_C and L_D.

    def __init__(self, phase: Phase = "deblur") -> None:
        super().__init__()
        self.phase = phase

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:  # noqa: ARG002
        """The loss; its unweighted parts are ``sharp``, ``views``, ``centre``, ``disparity``."""
        with _sharp_decoder_fixed(network, fixed=self.phase == "views"):
            given = outputs_of(network, batch)
        left, right = batch.supervision["dual_pixel"].chunk(2, dim=1)
        target = batch.blurry if self.phase == "views" else batch.target
        own_left = given["left"]
        own_right = given["right"]
        of_views = mse_loss(own_left, left) + mse_loss(own_right, right)
        losses = {
            "sharp": mse_loss(given["restored"], target),
            "views": of_views / 2,
            "centre": mse_loss((own_left + own_right) / 2, batch.blurry),
            "disparity": mse_loss(own_left - own_right, left - right),
        }
        weights = (1.0, VIEWS_WEIGHT[self.phase], CENTRE_WEIGHT, DISPARITY_WEIGHT)
        pairs = zip(weights, losses.values(), strict=True)
        terms = [weight * loss for weight, loss in pairs]
        return torch.stack(terms).sum(), detached(losses)


@contextlib.contextmanager
def _sharp_decoder_fixed(network: nn.Module, *, fixed: bool) -> Iterator[None]:
    """Let gradients pass through the sharp decoder to the encoder, and change only the latter."""
    named = dict(network.named_parameters()) if fixed else {}
    parameters = [named[name] for name in named if name.startswith("sharp_")]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def make(phase: Phase = "deblur") -> MDPObjective:
    """The objective; see :class:`MDPObjective`."""
    return MDPObjective(phase)
