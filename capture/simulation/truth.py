"""Ground truth of simulated shots and of pairs of them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from defocus.capture.planning.exposure import Exposure
from defocus.capture.simulation.sensor import exposure_scale
from defocus.scene.geometry import Similarity
from defocus.scene.layers import Layer
from defocus.scene.thin_lens import Lens, circle_of_confusion_px

__all__ = ["TrueShot", "between", "combined", "truth_document"]


@dataclass(frozen=True)
class TrueShot:
    """Ground truth of one shot; ``geometry`` leads from the first shot's positions to its own."""

    role: str
    exposure: Exposure
    lens: Lens
    geometry: Similarity
    error_ev: float  # exposure error relative to the settings
    object_px: float
    released_at: float  # start of the exposure, seconds of :func:`time.monotonic`


def combined(first: Similarity, second: Similarity, width: int, height: int) -> Similarity:
    """Combine two movements, one after the other."""
    matrices = (_square(similarity, width, height) for similarity in (second, first))
    return Similarity.from_matrix(np.linalg.multi_dot(list(matrices))[:2], width, height)


def between(start: TrueShot, end: TrueShot, width: int, height: int) -> Similarity:
    """Transform between two shots: undo the movement of one, apply that of the other."""
    first, second = (_square(shot.geometry, width, height) for shot in (start, end))
    return Similarity.from_matrix((second @ np.linalg.inv(first))[:2], width, height)


def _square(
    similarity: Similarity, width: int, height: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.vstack([similarity.matrix(width, height), [0.0, 0.0, 1.0]])


def truth_document(
    blurry: TrueShot,
    sharp: TrueShot,
    shots: list[TrueShot],
    layers: list[Layer],
    size: tuple[int, int],
) -> dict[str, Any]:
    """``truth.json`` of a pair; each of its shots is described relative to the sharp one."""
    return {
        "schema": 1,
        "misalignment": _similarity(between(blurry, sharp, *size)),
        "gain_ev": math.log2(_scale(blurry) / _scale(sharp)),
        "exposure_error_ev": {"blurry": blurry.error_ev, "sharp": sharp.error_ev},
        "shots": {shot.role: _shot(shot, sharp, size) for shot in shots},
        "layers": [
            {
                "depth_mm": layer.depth_mm,
                "blurry_coc_px": _coc(layer, blurry),
                "sharp_coc_px": _coc(layer, sharp),
            }
            for layer in sorted(layers, key=lambda layer: layer.depth_mm)
        ],
        "focal_length_mm": blurry.lens.focal_length_mm,
        "focus_distance_mm": blurry.lens.focus_distance_mm,
        "sensor_pitch_um": blurry.lens.sensor_pitch_um,
    }


def _similarity(similarity: Similarity) -> dict[str, Any]:
    return {
        "shift_px": list(similarity.shift_px),
        "zoom": similarity.zoom,
        "rotation_deg": similarity.rotation_deg,
    }


def _shot(shot: TrueShot, sharp: TrueShot, size: tuple[int, int]) -> dict[str, Any]:
    return {
        "from_sharp": _similarity(between(sharp, shot, *size)),
        "f_number": shot.exposure.f_number,
        "focus_distance_mm": shot.lens.focus_distance_mm,
        "error_ev": shot.error_ev,
        "object_px": shot.object_px - sharp.object_px,
    }


def _scale(shot: TrueShot) -> float:
    return exposure_scale(*shot.exposure.true, shot.error_ev)


def _coc(layer: Layer, shot: TrueShot) -> float:
    return float(circle_of_confusion_px(layer.depth_mm, shot.lens))
