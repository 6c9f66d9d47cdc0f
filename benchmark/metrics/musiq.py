"""MUSIQ, a quality score without reference, through ``pyiqa``."""

import numpy as np

from defocus.benchmark.metric import iqa
from defocus.benchmark.metric.metric import Mask, Metric, Picture
from defocus.benchmark.scoring.profiles import Profile

__all__ = ["METRIC"]


def _musiq(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes these
    """MUSIQ with the KonIQ-10k weights, of the whole picture; the mask is ignored."""
    return iqa.score("musiq", np.clip(restored, 0.0, 1.0))


METRIC = Metric(
    name="musiq",
    display_name="MUSIQ",
    better="higher",
    unit="",
    decimals=2,
    compute=_musiq,
    span=(0.0, 100.0),
    on_request=True,
    remedy=iqa.REMEDY,
    ready=iqa.is_installed,
)
