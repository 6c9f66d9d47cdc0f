"""Geman and McClure's loss, least near the most frequent value: a large difference counts little.

Least squares of displaced pictures give their mean, absolute values their median: both blurred."""

from functools import partial

from torch import Tensor

from defocus.baselines.loss import LossFunction

SCALE = 0.05
"""Difference at which the loss reaches half of its largest value: well above noise, below an
edge."""


def geman_mcclure(
    first: Tensor,
    second: Tensor,
    scale: float = SCALE,
) -> Tensor:
    """Mean of d² / (d² + scale²) over pixels and channels; 0.5 at a difference of the scale."""
    # Source: Geman, McClure, Bayesian image analysis: an application to single photon emission
    # tomography (1985); in this form in Black, Anandan (CVIU 1996).
    squared = (first - second).square()
    return (squared / (squared + scale**2)).mean()


def make(scale: float = SCALE) -> LossFunction:
    """The loss."""
    return partial(geman_mcclure, scale=scale)
