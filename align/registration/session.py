"""What the pairs of one session share: a zoom, and an asymmetry of the lens's point spread.

Both move the corners alike; one pair that is blurred evenly cannot tell them apart, several can."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from defocus.align.arrays import Doubles, Grey, Shape
from defocus.align.registration.asymmetry import TileAsymmetry
from defocus.align.registration.doubt import CONTRADICTION, SESSION_HINT
from defocus.align.registration.level import LENS_PX, LENS_SHARE
from defocus.align.registration.models import half_diagonal_px
from defocus.align.registration.register import (
    Registration,
    Uncertainty,
    largest_error_px,
    register,
)
from defocus.align.registration.tile_fit import DISAGREE
from defocus.scene.geometry import Similarity

LEAST_PAIRS = 3
COMMON_SHARE = 0.5
"""Share of a pair's least standard error that is the same in all pairs of a session, so that a mean
over the pairs does not reduce it."""
MOST_FAR = 0.1
"""Largest share of the pairs whose zoom may clearly differ from 1 although only the aperture
changed."""
ZOOMED_MODELS = ("translation", "similarity")
"""Models whose own zoom can be replaced by another one."""
LEAST_GAIN_PX = 0.05
"""Least gain of the standard error at the corners, px, that is worth a second measurement of a
pair."""


@dataclass(frozen=True)
class Shared:
    """A number that a session's pairs share; ``sigma``, for one pair, includes their scatter."""

    value: float
    sigma: float
    pairs: int

    def near(self, value: float, sigma: float) -> bool:
        """Whether a pair's own value agrees with the shared one within their standard errors."""
        distance = abs(value - self.value)
        return distance <= CONTRADICTION * math.hypot(sigma, self.sigma)

    def helps(self, value: float | None, sigma: float | None) -> bool:
        """Whether this value agrees with a pair's own one and is more certain.

        It helps any pair that has no value of its own."""
        if value is None or sigma is None:
            return True
        return self.sigma < sigma and self.near(value, sigma)


@dataclass(frozen=True)
class SessionLens:
    """What a session's pairs share, or the part of it that a pair has."""

    zoom: Shared | None = (
        None  # ratio of sharp to blurry distances; None if they share none
    )
    asymmetry: Shared | None = None
    by: str = ""  # ``journal``, ``EXIF`` or ``--session``; empty if nobody says that it is one

    @property
    def pairs(self) -> int:
        """Number of pairs behind the zoom, 0 for a fixed 1, or else behind the asymmetry."""
        shared = self.zoom or self.asymmetry
        return 0 if shared is None else shared.pairs

    def to_json(self) -> dict[str, Any]:
        """The object ``session`` of a misalignment."""
        zoom = self.zoom
        spread = self.asymmetry
        return {
            **({"by": self.by} if self.by else {}),
            **({} if zoom is None else {"zoom": zoom.value, "sigma": zoom.sigma}),
            "pairs": self.pairs,
            # of a point in the blurry member, which is displaced against the flow
            **({} if spread is None else {"asymmetry": [-spread.value, spread.sigma]}),
        }


@dataclass(frozen=True)
class PairInSession:
    """What the session of a pair shares, and what the pair has by itself."""

    lens: SessionLens
    own: Registration | None = None  # None registers the pair


@dataclass(frozen=True)
class OwnZoom:
    """Zoom and asymmetry of a pair alone; with ``takes`` the session's zoom can replace its own."""

    zoom: float | None
    sigma: float | None
    half_px: float
    asymmetry: TileAsymmetry | None = None
    takes: bool = True

    @classmethod
    def of(cls, fit: Registration | None, shape: Shape) -> "OwnZoom":
        """The zoom of a registration of pictures of that height and width."""
        half_px = half_diagonal_px(shape)
        if fit is None or fit.similarity is None or fit.uncertainty is None:
            return cls(None, None, half_px)
        return cls(
            fit.similarity.zoom,
            fit.uncertainty.zoom,
            half_px,
            fit.asymmetry,
            takes=fit.model in ZOOMED_MODELS,
        )

    def with_asymmetry(self, shared: Shared | None) -> "OwnZoom":
        """The zoom that the pair shows if its point spread has the asymmetry of the session.

        It stays the pair's own if the session's is no surer than the fit, or not near it."""
        own = self.asymmetry
        if self.zoom is None or self.sigma is None:
            return self
        if own is None or shared is None:
            return self
        prior = own.prior**2
        share = prior / (prior + shared.sigma**2)
        value = share * shared.value
        sigma = math.sqrt(share) * shared.sigma
        if sigma >= own.doubt:
            return self
        if not shared.near(own.value, own.sigma):
            return self
        slope = own.corner_px / self.half_px
        change = sigma**2 - own.doubt**2
        variance = self.sigma**2 + (LENS_SHARE * slope) ** 2 * change
        zoom = self.zoom - slope * (value - own.taken)
        return replace(
            self,
            zoom=zoom,
            sigma=math.sqrt(max(variance, 0.0)),
            asymmetry=None,
        )

    def in_session(self, lens: SessionLens) -> tuple["OwnZoom", SessionLens | None]:
        """The zoom with what the session shares, and which of that was used; None if nothing."""
        own = self.with_asymmetry(lens.asymmetry)
        zoom = lens.zoom
        if zoom is not None and zoom.helps(own.zoom, own.sigma):
            pooled = replace(own, zoom=zoom.value, sigma=zoom.sigma)
            return pooled, lens
        if own is self:
            return own, None
        return own, replace(lens, zoom=None)

    def contradicts(self, lens: SessionLens) -> bool:
        """Whether the pair clearly shows another zoom than its session's, or else asymmetry."""
        own = self.with_asymmetry(lens.asymmetry)
        if own.zoom is None or own.sigma is None:
            return False
        if lens.zoom is not None:
            return not lens.zoom.near(own.zoom, own.sigma)
        asymmetry = self.asymmetry
        spread = lens.asymmetry
        if not spread or not asymmetry:
            return False
        return not spread.near(asymmetry.value, asymmetry.sigma)

    def gains(self, lens: SessionLens) -> bool:
        """Whether the pair is worth measuring again with what its session shares."""
        if not self.takes:
            return False
        pooled, used = self.in_session(lens)
        if used is None or self.sigma is None or pooled.sigma is None:
            return used is not None
        gain_px = (self.sigma - pooled.sigma) * self.half_px
        return gain_px >= LEAST_GAIN_PX


def session_lens(
    pairs: Sequence[OwnZoom],
    *,
    same_focus: bool = False,
    by: str = "",
) -> SessionLens | None:
    """What a session's pairs share, the asymmetry first, as it clears the zooms; or None."""
    measured = [pair for pair in pairs if pair.zoom is not None and pair.sigma]
    asymmetry = _shared_asymmetry(measured)
    zooms = []
    sigmas = []
    comas = []
    for pair in measured:
        own = pair.with_asymmetry(asymmetry)
        if own.zoom is not None and own.sigma:
            zooms.append(own.zoom)
            sigmas.append(own.sigma)
        if pair.asymmetry:
            comas.append(pair.asymmetry.coma_px / pair.half_px)
    common = float(np.median(comas)) if comas else 0.0
    zoom = shared_zoom(zooms, sigmas, common=common, same_focus=same_focus)
    if zoom is not None and zoom.sigma == 0:
        return SessionLens(zoom, by=by)
    if zoom or asymmetry:
        return SessionLens(zoom, asymmetry, by)
    return None


def _shared_asymmetry(measured: Sequence[OwnZoom]) -> Shared | None:
    """Mean asymmetry of the pairs; None if too few pairs know their own."""
    values = []
    sigmas = []
    for pair in measured:
        spread = pair.asymmetry
        if spread and spread.information:
            values.append(spread.value)
            sigmas.append(spread.sigma)
    if len(values) < LEAST_PAIRS:
        return None
    return _mean(values, sigmas)


def shared_zoom(
    zooms: Sequence[float],
    sigmas: Sequence[float],
    *,
    common: float = 0.0,
    same_focus: bool = False,
) -> Shared | None:
    """The zoom of a session's pairs; None if under three are known and it is not 1.

    With ``same_focus`` it is 1 unless contradicted; ``common`` is an error that all pairs share."""
    if not zooms:
        return Shared(1.0, 0.0, 0) if same_focus else None
    mean = _mean(zooms, sigmas)
    mean = replace(mean, sigma=math.hypot(mean.sigma, common))
    # each by its own error: that of the mean grows with what the pairs contradict each other by
    far = 0
    for zoom, sigma in zip(zooms, sigmas, strict=True):
        own = Shared(1.0, math.hypot(sigma, common), 1)
        far += not own.near(zoom, 0.0)
    few_far = far <= MOST_FAR * len(zooms)
    if same_focus and mean.near(1.0, 0.0) and few_far:
        return Shared(1.0, 0.0, 0)
    return mean if len(zooms) >= LEAST_PAIRS else None


def _mean(measured: Sequence[float], sigmas: Sequence[float]) -> Shared:
    """Mean of measurements whose truths may differ (DerSimonian and Laird, 1986)."""
    values = np.asarray(measured, np.float64)
    variances = np.square(np.asarray(sigmas, np.float64))
    weights = 1 / variances
    total = weights.sum()
    mean = float(weights @ values / total)
    differ = _variance_between(weights, values, mean, total)
    weights = 1 / (variances + differ)
    total = weights.sum()
    mean = float(weights @ values / total)
    least = COMMON_SHARE * float(np.sqrt(variances.min()))
    of_mean = 1 / math.sqrt(float(total))
    sigma = math.hypot(max(of_mean, least), math.sqrt(differ))
    return Shared(mean, sigma, len(values))


def _variance_between(
    weights: Doubles,
    values: Doubles,
    mean: float,
    total: float,
) -> float:
    """Variance of the truths, beyond what the errors of the measurements explain."""
    free = len(values) - 1
    if free <= 0:
        return 0.0
    squares = np.square(values - mean)
    scatter = float(weights @ squares)
    excess = scatter - free
    between = float(total - np.square(weights).sum() / total)
    return max(0.0, excess) / between


def register_in_session(
    blurry: Grey,
    sharp: Grey,
    lens: SessionLens,
    *,
    at_most: str = "homography",
    largest_px: float = math.inf,
    unit: int = 1,
) -> tuple[Registration, SessionLens | None]:
    """Find the transform between two pictures with what their session shares, and what is used.

    An unknown pair is registered again from the shared zoom on, unless its tiles disagree."""
    find = partial(
        register,
        blurry,
        sharp,
        at_most=at_most,
        largest_px=largest_px,
        unit=unit,
    )
    shape = blurry.shape
    own = find()
    if own.similarity is not None or at_most == "translation":
        return with_session(own, lens, shape, at_most)
    zoom = lens.zoom
    if zoom is None or DISAGREE in own.reason:  # no zoom makes one scene of two
        return own, None
    from_shared = find(known_zoom=zoom.value)
    pooled = _zoomed(from_shared, zoom.value, zoom.sigma, shape)
    error_px = pooled.corner_error_px
    alone = own.reason.removesuffix(SESSION_HINT)
    if error_px is None or error_px > largest_error_px(shape):
        return replace(own, reason=alone), None
    return replace(pooled, alone=alone), lens


def with_session(
    own: Registration,
    lens: SessionLens,
    shape: Shape,
    at_most: str = "homography",
) -> tuple[Registration, SessionLens | None]:
    """A pair's own registration with what its session shares, if that is more certain and near it.

    Nothing is registered again: an asymmetry only adds to the zoom that the tiles show."""
    if own.model not in ZOOMED_MODELS or at_most == "translation":
        return own, None
    pooled, used = OwnZoom.of(own, shape).in_session(lens)
    if used is None or pooled.zoom is None or pooled.sigma is None:
        return own, None
    return _zoomed(own, pooled.zoom, pooled.sigma, shape), used


def _zoomed(
    fit: Registration,
    zoom: float,
    sigma: float,
    shape: Shape,
) -> Registration:
    """A registration with another zoom about the centre, and its error; unknown stays unknown."""
    placed = fit.similarity
    sure = fit.uncertainty
    if placed is None or sure is None:
        return fit
    height, width = shape[:2]
    half = half_diagonal_px(shape)
    model = fit.model if zoom == placed.zoom else "similarity"
    placed = Similarity(zoom, placed.rotation_deg, placed.shift_px)
    affine = placed.matrix(width, height)
    zoomed_px = sigma * half
    corner_px = math.sqrt(_other_error(sure, half) + zoomed_px**2)
    return replace(
        fit,
        similarity=placed,
        matrix=np.vstack([affine, [0.0, 0.0, 1.0]]),
        model=model,
        uncertainty=replace(sure, zoom=sigma, corner_px=corner_px),
    )


def _other_error(sure: Uncertainty, half: float) -> float:
    """Squared error at the corners of all but the zoom, px²."""
    turned = math.radians(sure.rotation_deg) * half
    shifted = 2 * sure.shift_px**2
    least = LENS_PX**2 + shifted + turned**2
    zoomed = sure.zoom * half
    rest = sure.corner_px**2 - zoomed**2
    return max(rest, least)
