"""What the pairs of one session share: lens, aperture and change of focus leave one zoom."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.doubt import CONTRADICTION, SESSION_HINT
from defocus.align.registration.level import LENS_PX
from defocus.align.registration.register import Registration, Uncertainty, register
from defocus.optics.geometry import Similarity

__all__ = ["SharedZoom", "register_in_session", "shared_zoom", "with_shared_zoom"]

Grey = NDArray[np.float32]

LEAST_PAIRS = 3
COMMON_SHARE = 0.5
"""Of the least standard error of a pair: what all pairs err by alike, such as the asymmetry of the
lens, no mean makes smaller."""


@dataclass(frozen=True)
class SharedZoom:
    """Zoom of a session's pairs.

    Attributes:
        zoom: Ratio of sharp to blurry distances.
        sigma: Standard error for one pair: of the mean, and what the pairs differ by.
        pairs: Number of pairs that it rests on.
    """

    zoom: float
    sigma: float
    pairs: int

    def helps(self, zoom: float | None, sigma: float | None) -> bool:
        """Whether a pair with that zoom of its own, or none, is measured better with this one."""
        if zoom is None or sigma is None:
            return True
        near = abs(zoom - self.zoom) <= CONTRADICTION * math.hypot(sigma, self.sigma)
        return self.sigma < sigma and near


def shared_zoom(
    zooms: Sequence[float], sigmas: Sequence[float], *, same_focus: bool = False
) -> SharedZoom | None:
    """The zoom that a session's pairs have in common.

    Args:
        zooms: Of the pairs that are known.
        sigmas: Their standard errors, > 0.
        same_focus: Whether only the aperture was changed in each pair: then the zoom is 1 exactly,
            unless the pairs contradict it.

    Returns:
        The zoom; None if fewer than three pairs are known and it is not 1.

    Source: DerSimonian and Laird, Meta-analysis in clinical trials (1986): a mean of measurements
    whose truths may differ.
    """
    if not zooms:
        return SharedZoom(1.0, 0.0, 0) if same_focus else None
    values, variances = np.asarray(zooms, np.float64), np.square(np.asarray(sigmas, np.float64))
    weights = 1 / variances
    total = weights.sum()
    mean = float(weights @ values / total)
    excess = float(weights @ np.square(values - mean)) - (len(values) - 1)
    between = float(total - np.square(weights).sum() / total)
    differ = max(0.0, excess) / between if len(values) > 1 else 0.0
    weights = 1 / (variances + differ)
    mean = float(weights @ values / weights.sum())
    least = COMMON_SHARE * float(np.sqrt(variances.min()))
    sigma = math.hypot(max(1 / math.sqrt(float(weights.sum())), least), math.sqrt(differ))
    if same_focus and abs(mean - 1) <= CONTRADICTION * sigma:
        return SharedZoom(1.0, 0.0, len(values))
    return SharedZoom(mean, sigma, len(values)) if len(values) >= LEAST_PAIRS else None


def register_in_session(
    blurry: Grey,
    sharp: Grey,
    shared: SharedZoom,
    *,
    at_most: str = "homography",
    largest_px: float = math.inf,
    unit: int = 1,
) -> tuple[Registration, SharedZoom | None]:
    """Find the transform between two pictures, with the zoom that pairs of their session share.

    A pair that is known takes that zoom if it is surer than its own and near it. One that is not is
    registered again from that zoom on. What its lens moves along the radius, by a coma or a cat's
    eye, is then in the zoom that it seems to have, and goes with it.

    Args:
        blurry: ``(H, W)`` float32 luminance, linear light, 0..1.
        sharp: Same shape.
        shared: The zoom of the session.
        at_most: As in :func:`register`; a translation has no zoom that could be shared.
        largest_px: Likewise.
        unit: Likewise.

    Returns:
        The registration, and the session's zoom if that is in it.

    Raises:
        AlignmentError: The shapes differ, or a value is not finite.
    """
    find = partial(register, blurry, sharp, at_most=at_most, largest_px=largest_px, unit=unit)
    own = find()
    if own.similarity is not None or at_most == "translation":
        return with_shared_zoom(own, shared, blurry.shape, at_most)
    found = find(known_zoom=shared.zoom)
    if found.similarity is None or found.uncertainty is None:  # so its session does not help
        return replace(own, reason=own.reason.removesuffix(SESSION_HINT)), None
    placed = found.similarity, found.uncertainty
    return _zoomed(found, *placed, shared, blurry.shape), shared


def with_shared_zoom(
    own: Registration, shared: SharedZoom, shape: tuple[int, ...], at_most: str = "homography"
) -> tuple[Registration, SharedZoom | None]:
    """A pair's own registration with the zoom of its session, if that is surer and near its own.

    Args:
        own: What registering the pair by itself has found.
        shared: The zoom of the session.
        shape: Height and width of the pictures that ``own`` is in pixels of.
        at_most: Richest model of the result; a translation keeps its own.

    Returns:
        As :func:`register_in_session`.
    """
    placed, sure = own.similarity, own.uncertainty
    simple = own.model in ("translation", "similarity") and at_most != "translation"
    if placed is None or sure is None or not (simple and shared.helps(placed.zoom, sure.zoom)):
        return own, None
    return _zoomed(own, placed, sure, shared, shape[:2]), shared


def _zoomed(
    found: Registration,
    placed: Similarity,
    sure: Uncertainty,
    shared: SharedZoom,
    shape: tuple[int, ...],
) -> Registration:
    """The shared zoom in the place of the own one, about the centre, and so its error."""
    height, width = shape
    placed, half = replace(placed, zoom=shared.zoom), math.hypot(height, width) / 2
    turned = math.radians(sure.rotation_deg) * half
    least = LENS_PX**2 + 2 * sure.shift_px**2 + turned**2
    rest = max(sure.corner_px**2 - (sure.zoom * half) ** 2, least)
    corner = math.sqrt(rest + (shared.sigma * half) ** 2)
    return replace(
        found,
        similarity=placed,
        matrix=np.vstack([placed.matrix(width, height), [0.0, 0.0, 1.0]]),
        model="similarity",
        uncertainty=replace(sure, zoom=shared.sigma, corner_px=corner),
    )
