"""Score one restored picture in memory."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.by_name import flow_estimator
from defocus.benchmark.metric.metric import Metric, MetricUnavailableError
from defocus.benchmark.metric.registry import find_metric, profile_metrics
from defocus.benchmark.scoring.profiles import Profile, as_reference, cropped, find_profile
from defocus.benchmark.scoring.protocols import Target, deformed_target, everywhere
from defocus.benchmark.scoring.score import score_against_input, score_picture
from defocus.errors import ImageError
from defocus.front.pictures import GivenPictures, Picture, one_picture, one_size
from defocus.progress import say

__all__ = ["score"]

OVERSHOOT = (-1.0, 2.0)
"""Floats of a restored picture that no network goes beyond, and every picture in 0..255 does."""


def score(
    restored: Picture,
    sharp: Picture,
    blurry: Picture | None = None,
    profile: str = "defocus-v1",
    metrics: Sequence[str] | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> dict[str, float | None]:
    """Score a restored picture as ``defocus-bench score --sharp`` does.

    The sharp picture is not registered: for a misaligned pair, pass the result of
        :func:`defocus.align_pair` and its ``valid_mask``.

    Args:
        restored: A picture, see :func:`defocus.restore`; floats may overshoot [0, 1], which the
            profile handles.
        sharp: The reference, of the same size.
        blurry: The input that was restored, for metrics that compare with it.
        profile: Conventions of the metrics: ``defocus-v1``, ``dpdd16``, ``dpdd8``, ….
        metrics: Names of the metrics; None for those of the profile.
        mask: ``(H, W)`` bool, True where a pixel counts; None for all.

    Returns:
        A value for each metric, in the usual order of tables. A metric of the profile that cannot
        be computed (weights missing, picture too small) is None, and the reason is printed on
        stderr.

    Raises:
        ImageError: A picture is not valid, the sizes differ, or the mask does not fit.
        InputError: The profile or a metric is unknown.
        MetricUnavailableError: A requested metric cannot be computed; the message says why.
    """
    conventions = find_profile(profile)
    asked = None if metrics is None else {name: find_metric(name) for name in metrics}
    picture = one_picture(restored, "restored", OVERSHOOT)
    reference = one_picture(sharp, "sharp")
    one_size(picture, reference)
    values = _floats(picture, conventions)
    target = _target(values, reference, mask, conventions)
    found = score_picture(values, target, conventions, asked)
    chosen = _of_the_input(conventions, asked, given=blurry is not None)
    if blurry is not None and chosen:
        before = one_picture(blurry, "blurry")
        one_size(picture, before)
        found |= score_against_input(values, _reference(before, conventions), conventions, chosen)
    elif chosen:
        raise ImageError(f"{', '.join(chosen)} needs the blurry picture; give blurry=…")
    for name, each in found.items():
        if each.value is None and asked is not None:
            raise MetricUnavailableError(f"{name}: {each.reason}")
        if each.value is None:
            say(f"{name}: {each.reason}")
    return {name: each.value for name, each in found.items()}


def _of_the_input(
    profile: Profile, asked: dict[str, Metric] | None, *, given: bool
) -> dict[str, Metric]:
    """The metrics that compare with the blurry picture; those of a profile only if it is given."""
    if asked is None and not given:
        return {}
    known = profile_metrics(profile.name) if asked is None else asked
    return {name: metric for name, metric in known.items() if metric.against == "input"}


def _target(
    restored: NDArray[np.float64],
    sharp: GivenPictures,
    mask: NDArray[np.bool_] | None,
    profile: Profile,
) -> Target:
    reference = _reference(sharp, profile)
    counted = everywhere(reference)
    if mask is not None:
        if mask.shape != sharp.pixels.shape[1:3] or mask.dtype != np.bool_:
            raise ImageError(f"mask is {mask.dtype} of shape {mask.shape}; give bool (H, W)")
        counted = cropped(mask, profile)
    if profile.protocol != "deformed-gt":
        return Target(reference, counted)
    moved = deformed_target(reference, restored, flow_estimator("pwcnet"), profile.grid)
    return Target(moved.reference, moved.mask & counted, moved.flow, moved.moved_px)


def _reference(given: GivenPictures, profile: Profile) -> NDArray[np.float64]:
    """The picture as a profile reads it; floats keep their precision."""
    pixels = given.pixels[0]
    exact = as_reference(pixels, profile) if pixels.dtype.kind == "u" else pixels.astype(np.float64)
    return cropped(exact, profile)


def _floats(given: GivenPictures, profile: Profile) -> NDArray[np.float64]:
    return cropped(given.floats(np.float64)[0], profile)
