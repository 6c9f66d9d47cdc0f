"""CKDN, a quality score with the degraded picture as reference, through ``pyiqa``."""

import numpy as np

from defocus.benchmark.metric import iqa
from defocus.benchmark.metric.metric import Mask, Metric, Picture
from defocus.benchmark.scoring.profiles import Profile

__all__ = ["METRIC"]


def _ckdn(restored: Picture, blurry: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes these
    """CKDN of the centre only: the shorter side is resized to 329 px, of which 288 are used."""
    return iqa.score("ckdn", np.clip(restored, 0.0, 1.0), blurry)


METRIC = Metric(
    name="ckdn",
    display_name="CKDN",
    better="higher",
    unit="",
    decimals=3,
    compute=_ckdn,
    span=(0.0, 1.0),
    against="input",
    on_request=True,
    remedy=iqa.REMEDY,
    ready=iqa.is_installed,
)
