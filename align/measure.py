"""What is misaligned in a pair of pictures, and by how much."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.align.blur_matching import matched_blur
from defocus.align.flow import FlowEstimator
from defocus.align.photometric import gain_ev
from defocus.align.pyramid import enlarged, factor_for, reduced
from defocus.align.registration import register
from defocus.align.resample import inside_frame, resampled
from defocus.align.warp import warp
from defocus.errors import AlignmentError
from defocus.images import FloatImage, Image, as_float, linear_to_srgb, srgb_to_linear
from defocus.optics.geometry import Similarity

__all__ = ["Measurement", "Misalignment", "measure"]

RESIDUAL_SIDE = 1536
"""Larger pictures are reduced by a whole factor for the residual flow."""
CONSISTENT_PX = 1.0
"""Forward and backward residual flow may differ by this much, in pixels of that picture."""
RELIABLE_PX = 1.0
"""Where more is left than this, the registered sharp picture is no reference for the pixel."""


@dataclass(frozen=True)
class Misalignment:
    """The misalignment of a pair; numbers are None where ``status`` is ``unknown``.

    Attributes:
        status: ``ok`` or ``unknown``.
        similarity: From blurry to sharp positions (shift, zoom, rotation).
        residual_median_px: Median length of the flow left after the similarity, over the pixels
            where it is consistent forward and backward.
        residual_p95_px: Its 95th percentile over the same.
        reliable_share: Share of all pixels that are reliable (see :class:`Measurement`).
        gain_ev: log2 of linear blurry over linear sharp light.
        estimator: Name of the flow estimator behind the residual.
        reason: Why the status is ``unknown``; empty otherwise.
        weights_sha256: Hash of the estimator's weights, empty where it has none.
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

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-data align --json`` prints."""
        model = self.similarity
        return {
            "status": self.status,
            "shift_px": [None, None] if model is None else list(model.shift_px),
            "zoom": None if model is None else model.zoom,
            "rotation_deg": None if model is None else model.rotation_deg,
            "residual_px": {"median": self.residual_median_px, "p95": self.residual_p95_px},
            "reliable_share": self.reliable_share,
            "gain_ev": self.gain_ev,
            "estimator": self.estimator,
            "weights_sha256": self.weights_sha256 or None,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Measurement:
    """A misalignment and where in the blurry picture it is confirmed.

    Attributes:
        misalignment: The numbers.
        reliable: ``(H, W)``, True where the sharp picture shows the scene, the residual flow is
            consistent and at most 1 px long; all False if unknown.
    """

    misalignment: Misalignment
    reliable: NDArray[np.bool_]


def measure(blurry: Image, sharp: Image, estimator: FlowEstimator) -> Measurement:
    """Measure the misalignment of a pair: one similarity, then the flow that it leaves.

    Args:
        blurry: ``(H, W, 3)`` RGB, uint8 or uint16.
        sharp: Same height and width, its own depth.
        estimator: Measures the residual flow.

    Raises:
        AlignmentError: The sizes differ.
    """
    if blurry.shape != sharp.shape:
        raise AlignmentError(f"the pictures are {blurry.shape} and {sharp.shape}; a pair needs one")
    height, width = blurry.shape[:2]
    linear_blurry, linear_sharp = (srgb_to_linear(as_float(p)) for p in (blurry, sharp))
    found = register(_luminance(linear_blurry), _luminance(linear_sharp))
    if found.similarity is None:
        return _unknown(found.reason, estimator, (height, width))
    moved = resampled(linear_sharp, found.similarity)
    inside = inside_frame(found.similarity, width, height)
    gain = gain_ev(linear_blurry, moved, inside)
    if gain is None:
        reason = "no area is free of black and saturated pixels in both pictures"
        return _unknown(reason, estimator, (height, width))
    residual, consistent = _residual(linear_blurry, moved * np.float32(2.0**gain), estimator)
    consistent &= inside
    if not consistent.any():
        return _unknown("the residual flow is nowhere consistent", estimator, (height, width))
    reliable = consistent & (residual <= RELIABLE_PX)
    misalignment = Misalignment(
        status="ok",
        similarity=found.similarity,
        residual_median_px=float(np.median(residual[consistent])),
        residual_p95_px=float(np.percentile(residual[consistent], 95)),
        reliable_share=float(reliable.mean()),
        gain_ev=gain,
        estimator=estimator.name,
        weights_sha256=estimator.weights_sha256,
    )
    return Measurement(misalignment, reliable)


def _luminance(linear: FloatImage) -> NDArray[np.float32]:
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722], np.float32), np.float32)


def _unknown(reason: str, estimator: FlowEstimator, shape: tuple[int, int]) -> Measurement:
    misalignment = Misalignment(
        "unknown", None, None, None, None, None, estimator.name, reason, estimator.weights_sha256
    )
    return Measurement(misalignment, np.zeros(shape, dtype=bool))


def _residual(
    blurry: FloatImage, sharp: FloatImage, estimator: FlowEstimator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Length in px of the flow from blurry to the registered sharp, and where it is consistent.

    Estimators compare brightness, so the frames get one exposure (before) and one blur (here).
    """
    factor = factor_for(blurry.shape, RESIDUAL_SIDE)
    small_blurry = reduced(blurry.astype(np.float32), factor)
    small_sharp, _ = matched_blur(small_blurry, reduced(sharp.astype(np.float32), factor))
    first, second = _tensor(small_blurry), _tensor(small_sharp)
    forward, backward = estimator(first, second), estimator(second, first)
    returned = (forward + warp(backward, forward))[0].cpu().numpy()
    consistent = np.hypot(returned[0], returned[1]) <= CONSISTENT_PX
    u, v = forward[0].cpu().numpy()
    length = factor * np.hypot(u, v)
    return enlarged(length, factor, blurry.shape), enlarged(consistent, factor, blurry.shape)


def _tensor(linear: FloatImage) -> torch.Tensor:
    encoded = linear_to_srgb(np.minimum(linear, 1.0))
    return torch.from_numpy(np.ascontiguousarray(encoded.transpose(2, 0, 1)))[None]
