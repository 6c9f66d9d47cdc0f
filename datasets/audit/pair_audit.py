"""Audit of one pair: numbers, fingerprints, and reasons for missing measurements."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.estimator import FlowEstimator
from defocus.align.measure import Field, Misalignment, measure
from defocus.align.misalignment import Sigma
from defocus.datasets.audit.duplicates import Fingerprint, fingerprint
from defocus.datasets.audit.sharpness import sharpness
from defocus.datasets.pair import Pair
from defocus.errors import ImageError
from defocus.images import Image, as_float, bit_depth, read_pair
from defocus.optics.geometry import Similarity

__all__ = ["STATUSES", "AuditedPair", "audit_pair"]

Status = Literal["ok", "unknown", "no-sharp", "unreadable"]
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True)
class AuditedPair:
    """One row of an audit; a number is None if it could not be measured.

    Attributes:
        id, scene, split: Id, scene and split of the pair.
        status: ``ok``; ``unknown`` if the misalignment cannot be measured reliably; ``no-sharp`` in
            datasets without ground truth; ``unreadable`` if a file is damaged.
        reason: Why the status is not ``ok``.
        width, height: Width and height of the blurry picture, px.
        misalignment_px: Mean length of the displacement from the blurry to the sharp member, over
            reliable pixels: that of the frame, and the local flow where it explains more; without
            the displacement by an asymmetric point spread.
        misalignment_sigma_px: Standard error of the frame's displacement at its worst corner.
        shift_x_px, shift_y_px, zoom, rotation_deg: Misalignment of the frame.
        shift_sigma_px, zoom_sigma, rotation_sigma_deg: Standard errors of the misalignment.
        residual_median_px, residual_p95_px: Length of the remaining flow.
        reliable_share: Share of reliable pixels.
        gain_ev: log2 of blurry over sharp light.
        blur_median_px, blur_p95_px: Relative blur over the same pixels: diameter of the disc that
            makes one member most similar to the other.
        sharpness, blurry_sharpness: Sharpness of both members
            (:mod:`defocus.datasets.audit.sharpness`).
        fingerprints: Fingerprints, to find the pair's pictures in another split.
    """

    id: str
    scene: str
    split: str
    status: Status
    reason: str = ""
    width: int | None = None
    height: int | None = None
    misalignment_px: float | None = None
    misalignment_sigma_px: float | None = None
    shift_x_px: float | None = None
    shift_y_px: float | None = None
    zoom: float | None = None
    rotation_deg: float | None = None
    shift_sigma_px: float | None = None
    zoom_sigma: float | None = None
    rotation_sigma_deg: float | None = None
    residual_median_px: float | None = None
    residual_p95_px: float | None = None
    reliable_share: float | None = None
    gain_ev: float | None = None
    blur_median_px: float | None = None
    blur_p95_px: float | None = None
    sharpness: float | None = None
    blurry_sharpness: float | None = None
    fingerprints: tuple[Fingerprint, ...] = ()

    @property
    def similarity(self) -> Similarity | None:
        """Transform from blurry to sharp positions; None if unknown."""
        x, y, zoom, rotation = self.shift_x_px, self.shift_y_px, self.zoom, self.rotation_deg
        if x is None or y is None or zoom is None or rotation is None:
            return None
        return Similarity(shift_px=(x, y), zoom=zoom, rotation_deg=rotation)


def audit_pair(pair: Pair, estimator: FlowEstimator) -> AuditedPair:
    """Measure one pair; problems become part of the row.

    Args:
        pair: A pair of any dataset.
        estimator: Estimator of the residual flow.
    """
    try:
        # a picture without a sharp member is its own: it still has a size and a fingerprint
        blurry, sharp = read_pair(pair.blurry, pair.sharp or pair.blurry)
    except ImageError as error:
        return AuditedPair(pair.id, pair.scene, pair.split, "unreadable", str(error))
    height, width = blurry.shape[:2]
    if pair.sharp is None:
        return AuditedPair(
            pair.id,
            pair.scene,
            pair.split,
            "no-sharp",
            "the pair has no sharp picture",
            width,
            height,
            blurry_sharpness=sharpness(_luma(blurry)),
            fingerprints=(fingerprint(_eight_bit(blurry)),),
        )
    found = measure(blurry, sharp, estimator)
    return AuditedPair(
        pair.id,
        pair.scene,
        pair.split,
        found.misalignment.status,
        found.misalignment.reason,
        width,
        height,
        **_geometry(found.misalignment),
        **_of_field(found.field),
        gain_ev=found.misalignment.gain_ev,
        sharpness=sharpness(_luma(sharp)),
        blurry_sharpness=sharpness(_luma(blurry)),
        fingerprints=(fingerprint(_eight_bit(sharp)), fingerprint(_eight_bit(blurry))),
    )


def _geometry(found: Misalignment) -> dict[str, float | None]:
    model = found.similarity
    if model is None:
        return {}
    return {
        "shift_x_px": model.shift_px[0],
        "shift_y_px": model.shift_px[1],
        "zoom": model.zoom,
        "rotation_deg": model.rotation_deg,
        "residual_median_px": found.residual_median_px,
        "residual_p95_px": found.residual_p95_px,
        "reliable_share": found.reliable_share,
        **_standard_errors(found.sigma),
    }


def _standard_errors(sigma: Sigma | None) -> dict[str, float | None]:
    if sigma is None:
        return {}
    return {
        "misalignment_sigma_px": sigma.corner_px,
        "shift_sigma_px": sigma.shift_px,
        "zoom_sigma": sigma.zoom,
        "rotation_sigma_deg": sigma.rotation_deg,
    }


def _of_field(field: Field | None) -> dict[str, float | None]:
    """Displacement and relative blur where the flow is reliable, px of the full picture."""
    if field is None:
        return {}
    believed = field.flow.reliable
    displacement = np.hypot(*field.placed)[believed]
    blur = field.factor * np.abs(field.flow.coc_px)[believed]
    return {
        "misalignment_px": float(displacement.mean()),
        "blur_median_px": float(np.median(blur)),
        "blur_p95_px": float(np.quantile(blur, 0.95)),
    }


def _luma(picture: Image) -> NDArray[np.float32]:
    """sRGB-encoded luma, BT.601 weights."""
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return np.asarray(as_float(picture) @ weights, dtype=np.float32)


def _eight_bit(picture: Image) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return np.asarray(picture, dtype=np.uint8)
    return np.asarray(picture >> (bit_depth(picture) - 8), dtype=np.uint8)
