"""Change of what was in focus: a system that restores has nothing to do there."""

import functools
from typing import TYPE_CHECKING

import numpy as np

from defocus.benchmark.metrics.metric import (
    Mask,
    Metric,
    MetricUnavailableError,
    Picture,
)
from defocus.benchmark.scoring.profiles import Profile

if TYPE_CHECKING:  # it imports torch, which the list of metrics does not need
    from defocus.blur.learned_map import BlurMap

LEAST_SHARE = 0.01
"""Least share of the picture that must be in focus. The mean over less says nothing."""

LEVELS = 255.0
"""Levels of 8 bits, in which the change is reported: 1 is the smallest change that such a file can
show."""

_KEPT = 8
"""Number of blur maps that are remembered. A study scores one picture as several systems restored
it."""


def _in_focus_change(
    restored: Picture,
    blurry: Picture,
    mask: Mask,
    profile: Profile,  # noqa: ARG001 - every metric takes the profile
) -> float:
    """Mean absolute difference from the blurry input where that is in focus, levels of 8 bits."""
    # Range 0 to 255, lower is better; the input itself has 0. In focus is what the learned map of
    # blur sees below 1 px; from 2.5 px on nothing counts, between them a share. Parts without
    # structure, whose blur nobody can see, are left out. Source: defined here.
    from defocus.blur.learned_map import enlarged

    blur = kept_blur_map(blurry)
    told = enlarged(blur.reliable.astype(np.float32), blur.size)
    weight = blur.sharp() * told * mask
    total = float(weight.sum(dtype=np.float64))
    if total < LEAST_SHARE * mask.size:
        raise MetricUnavailableError("less than 1 % of the blurry picture is in focus")
    change = np.abs(np.clip(restored, 0.0, 1.0) - blurry).mean(axis=2)
    return LEVELS * float((weight * change).sum(dtype=np.float64)) / total


def kept_blur_map(blurry: Picture) -> "BlurMap":
    """The estimated map of blur of a picture, remembered for the next system."""
    content = np.ascontiguousarray(blurry, np.float32)
    return _of_content(content.tobytes(), content.shape)


@functools.lru_cache(maxsize=_KEPT)
def _of_content(content: bytes, shape: tuple[int, ...]) -> "BlurMap":
    from defocus.blur.learned_map import estimate_blur_map

    picture = np.frombuffer(content, np.float32).reshape(shape)
    # torch takes no array that cannot be written
    return estimate_blur_map(picture.copy())


METRIC = Metric(
    name="in_focus_change",
    display_name="Change in focus",
    better="lower",
    unit="/255",
    decimals=2,
    compute=_in_focus_change,
    span=(0.0, 255.0),
    against="input",
    on_request=True,
)
