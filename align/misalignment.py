"""Misalignment of a pair: its numbers with their uncertainties."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from defocus.align.arrays import Doubles, Mask, Singles
from defocus.align.photometry.gains import Photometry
from defocus.align.photometry.unexplained import Unexplained
from defocus.align.registration.asymmetry import Asymmetry, TileAsymmetry
from defocus.align.registration.register import Uncertainty
from defocus.align.registration.session import SessionLens
from defocus.scene.geometry import Similarity


def mean_displacement(
    placed: Singles,
    flow_error_px: Singles,
    counted: Mask,
    frame: Uncertainty | None,
) -> tuple[float, float]:
    """Mean length of a displacement where it counts, and its standard error, px.

    The frame errs by its shift in the centre, and up to the worst corner by the squared distance.
    """
    length = float(np.hypot(*placed)[counted].mean())
    squares = np.square(flow_error_px[counted], dtype=np.float64)
    variance = float(squares.mean())
    if frame is not None:
        corner = frame.corner_px**2
        centre = min(2 * frame.shift_px**2, corner)
        variance += centre + (corner - centre) * _mean_square_radius(counted)
    return length, math.sqrt(variance)


def _mean_square_radius(counted: Mask) -> float:
    """Mean squared distance of pixels from the picture's centre, that of a corner being 1."""
    squares = 0.0
    for axis, size in enumerate(counted.shape):
        middle = (size - 1) / 2
        along = np.arange(size) - middle
        pixels = counted.sum(axis=1 - axis)
        squares += float(pixels @ np.square(along))
    half = math.hypot(*counted.shape) / 2
    mean_square = squares / float(counted.sum())
    return mean_square / half**2


RESTS_ON = "rests_on_largest_shift_px"
"""The key of :attr:`Misalignment.rests_on_px` in JSON, where it is known."""


@dataclass(frozen=True)
class Sigma:
    """Standard errors (1 σ) of numbers that describe the whole picture, corners at the worst."""

    misalignment_px: float
    shift_px: float
    zoom: float
    rotation_deg: float
    corner_px: float
    residual_median_px: float
    residual_p95_px: float
    reliable_share: float
    occluded_share: float
    consistency_px: float


@dataclass(frozen=True)
class Misalignment:
    """The misalignment of a pair; numbers are None if ``status`` is ``unknown``.

    Attributes:
        status: ``ok`` or ``unknown``.
        similarity: Zoom, rotation in degrees and shift in px from positions in the blurry to those
            in the sharp picture; the one that is closest to ``matrix``.
        residual_median_px: Median length of the residual flow after ``matrix``, where reliable.
        residual_p95_px: 95th percentile of that length.
        reliable_share: Share of the pixels whose flow is reliable, in [0, 1].
        gain_ev: log2 of linear blurry over linear sharp light.
        estimator: Estimator of the residual flow.
        reason: Why the status is ``unknown``; empty otherwise.
        weights_sha256: Hash of the estimator's weights; empty if it has none.
        model: Model of ``matrix``.
        matrix: ``(3, 3)`` float64 from blurry to sharp positions, pixel centres at integers.
        photometry: Gain and offset of each colour.
        asymmetry: Asymmetry of the point spread; None if the pair does not show it.
        consistency_px: Median forward-backward error of the flow, where visible.
        occluded_share: Share of the pixels that the sharp picture does not show.
        calibration_share: Share of the pixels in JDRL's calibration mask.
        sigma: Standard errors of the numbers.
        spread: What the registration's tiles say of the point spread.
        shared: What the pair's session adds to ``matrix``.
        misalignment_px: Mean length of the displacement from the blurry to the sharp picture, over
            reliable pixels: that of the frame, and the local flow where it explains more.
        alone: Why the pair is unknown without what its session shares.
        rests_on_px: The longest way of any place as a person says, if other shifts that fit were
            left out for it.
        unexplained: What the blur does not explain.
        vignetting_ev: How much more light the blurry picture loses to its corners.
    """

    status: Literal["ok", "unknown"]
    similarity: Similarity | None
    residual_median_px: float | None
    residual_p95_px: float | None
    reliable_share: float | None
    gain_ev: float | None
    estimator: str
    reason: str = ""
    weights_sha256: str = ""
    model: str = ""
    matrix: Doubles | None = field(default=None, compare=False)
    photometry: Photometry | None = None
    asymmetry: Asymmetry | None = None
    consistency_px: float | None = None
    occluded_share: float | None = None
    calibration_share: float | None = None
    sigma: Sigma | None = None
    spread: TileAsymmetry | None = None
    shared: SessionLens | None = None
    misalignment_px: float | None = None
    alone: str = ""
    rests_on_px: float | None = None
    unexplained: Unexplained | None = None
    vignetting_ev: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-data align --json`` prints."""
        model = self.similarity
        light = self.photometry
        rest = self.unexplained
        document = {
            "status": self.status,
            "misalignment_px": self.misalignment_px,
            "shift_px": [None, None] if model is None else list(model.shift_px),
            "zoom": None if model is None else model.zoom,
            "rotation_deg": None if model is None else model.rotation_deg,
            "residual_px": {
                "median": self.residual_median_px,
                "p95": self.residual_p95_px,
            },
            "reliable_share": self.reliable_share,
            "gain_ev": self.gain_ev,
            "vignetting_ev": self.vignetting_ev,
            "estimator": self.estimator,
            "weights_sha256": self.weights_sha256 or None,
            "reason": self.reason,
            "model": self.model or None,
            "gain": None if light is None else list(light.gain),
            "offset": None if light is None else list(light.offset),
            "asymmetry": _asymmetry_json(self.asymmetry),
            "consistency_px": self.consistency_px,
            "occluded_share": self.occluded_share,
            "calibration_share": self.calibration_share,
            "unexplained": None if rest is None else rest.to_json(),
            "uncertainty": self._uncertainty_json(),
        }
        return document | self._limits_json()

    def _limits_json(self) -> dict[str, Any]:
        """Limits of the session and of a person, if there are any, as JSON values."""
        added: dict[str, Any] = {}
        if self.shared is not None:
            alone = {"unknown_alone": self.alone or None}
            added["session"] = self.shared.to_json() | alone
        if self.rests_on_px is not None:
            added[RESTS_ON] = self.rests_on_px
        return added

    def _uncertainty_json(self) -> dict[str, Any] | None:
        """Standard errors under the names of their numbers."""
        sigma = self.sigma
        light = self.photometry
        asymmetry = self.asymmetry
        if sigma is None or light is None:
            return None
        return {
            "misalignment_px": sigma.misalignment_px,
            "shift_px": [sigma.shift_px, sigma.shift_px],
            "zoom": sigma.zoom,
            "rotation_deg": sigma.rotation_deg,
            "corner_px": sigma.corner_px,
            "residual_px": {
                "median": sigma.residual_median_px,
                "p95": sigma.residual_p95_px,
            },
            "reliable_share": sigma.reliable_share,
            "gain_ev": light.gain_ev_sigma,
            "gain": list(light.gain_sigma),
            "offset": list(light.offset_sigma),
            "asymmetry": None
            if asymmetry is None
            else {
                "radial": asymmetry.radial_sigma,
                "common": list(asymmetry.common_sigma),
            },
            "consistency_px": sigma.consistency_px,
            "occluded_share": sigma.occluded_share,
        }


def _asymmetry_json(asymmetry: Asymmetry | None) -> dict[str, Any] | None:
    """Displacement of a point in the blurry member by defocus: the opposite of the flow."""
    if asymmetry is None:
        return None
    # the flow leads from the displaced point back to where the sharp member shows it
    common = [-value for value in asymmetry.common]
    return {"radial": -asymmetry.radial, "common": common, "signed": asymmetry.signed}
