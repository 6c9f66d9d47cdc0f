"""Score one restored picture in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.by_name import flow_estimator
from defocus.benchmark.metrics.metric import (
    Metric,
    MetricUnavailableError,
    find_metric,
    profile_metrics,
)
from defocus.benchmark.scoring.profile_by_name import find_profile
from defocus.benchmark.scoring.profiles import (
    Profile,
    as_reference,
    as_restored,
    cropped,
    resized,
)
from defocus.benchmark.scoring.score import MetricValue, PairScorer
from defocus.errors import ImageError, InputError
from defocus.front.pictures import (
    GivenPictures,
    Picture,
    given_alike,
    one_size,
    require_one,
)
from defocus.progress import warn_once

OVERSHOOT = (-1.0, 2.0)
"""Range of floats that every restored picture in [0, 1] keeps to, and no picture in 0..255 does."""


def score(
    restored: Picture,
    sharp: Picture,
    blurry: Picture | None = None,
    profile: str = "defocus-v1",
    metrics: Sequence[str] | None = None,
    mask: NDArray[np.bool_] | None = None,
    *,
    white: float | None = None,
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
        white: Value of uint16 or floats that means white in all pictures; see
            :func:`defocus.restore`.

    Returns:
        A value for each metric, in the usual order of tables. A metric of the profile that cannot
        be computed (weights missing, picture too small) is None, and the reason is printed on
        stderr, once.

    Raises:
        ImageError: A picture is not valid, the sizes differ, or the mask does not fit.
        InputError: The profile or a metric is unknown.
        MetricUnavailableError: A requested metric cannot be computed; the message says why.

    Examples:
        >>> import numpy as np
        >>> import defocus
        >>> sharp = np.full((32, 48, 3), 0.5)
        >>> scores = defocus.score(sharp + 0.1, sharp, metrics=["psnr", "mae"])
        >>> round(scores["psnr"], 2), round(scores["mae"], 2)
        (20.0, 0.1)
    """
    conventions = find_profile(profile)
    chosen = _chosen(conventions, metrics, given=blurry is not None)
    estimator = flow_estimator(
        "pwcnet" if conventions.protocol == "deformed-gt" else "dis"
    )
    scorer = PairScorer(None, estimator, chosen, conventions)
    named = {"restored": restored, "sharp": sharp}
    if blurry is not None:
        named["blurry"] = blurry
    picture, reference, *further = given_alike(named, {"restored": OVERSHOOT}, white)
    for one in (picture, reference, *further):
        require_one(one)
        one_size(picture, one)
    values = _floats(picture, conventions)
    target = scorer.target(_reference(reference, conventions), values)
    if mask is not None:
        counted = _counted(mask, reference, conventions)
        target = replace(target, mask=target.mask & counted)
    before = _reference(further[0], conventions) if further else None
    scores = scorer.values(values, target, scorer.beside(values, before))
    return _known(scores, required=metrics is not None)


def _known(
    scores: Mapping[str, MetricValue],
    *,
    required: bool,
) -> dict[str, float | None]:
    """The values of scores; why some are missing is printed, or raised if all are required."""
    for name, each in scores.items():
        if each.value is not None:
            continue
        if required:
            raise MetricUnavailableError(f"{name}: {each.reason}")
        warn_once(f"{name}: {each.reason}")
    return {name: each.value for name, each in scores.items()}


def _chosen(
    profile: Profile,
    names: Sequence[str] | None,
    *,
    given: bool,
) -> Mapping[str, Metric]:
    """The metrics; those of a profile that look at the blurry picture only where it is given."""
    if isinstance(names, str) or not isinstance(names, Iterable | None):
        raise InputError(
            f"metrics are of type {type(names).__name__}; give a list of names"
        )
    if names is None:
        metrics = dict(profile_metrics(profile.name))
    else:
        metrics = {name: find_metric(name) for name in names}
    needing = [name for name, one in metrics.items() if one.against == "input"]
    if not needing or given:
        return metrics
    if names is not None:
        raise ImageError(
            f"{', '.join(needing)} needs the blurry picture; give blurry=…"
        )
    return {name: one for name, one in metrics.items() if name not in needing}


def _counted(
    mask: NDArray[np.bool_],
    sharp: GivenPictures,
    profile: Profile,
) -> NDArray[np.bool_]:
    if not isinstance(mask, np.ndarray):
        raise ImageError(
            f"mask is of type {type(mask).__name__}; give a bool array (H, W)"
        )
    if mask.shape != sharp.pixels.shape[1:3] or mask.dtype != np.bool_:
        raise ImageError(
            f"mask is {mask.dtype} of shape {mask.shape}; give bool (H, W)"
        )
    if profile.size != 1:
        raise ImageError(
            f"a mask has no meaning at the size of the profile {profile.name}"
        )
    return cropped(mask, profile)


def _reference(given: GivenPictures, profile: Profile) -> NDArray[np.float64]:
    """The picture as a profile reads it; floats keep their precision."""
    pixels = given.pixels[0]
    if pixels.dtype.kind == "u":
        reference = as_reference(pixels, profile)
    else:
        reference = pixels.astype(np.float64)
    return cropped(resized(reference, profile), profile)


def _floats(given: GivenPictures, profile: Profile) -> NDArray[np.float64]:
    """The picture as a profile reads a restored one."""
    pixels = given.pixels[0]
    if pixels.dtype.kind == "u":
        floats = as_restored(pixels, profile)
    else:
        floats = given.floats(np.float64)[0]
    return cropped(resized(floats, profile), profile)
