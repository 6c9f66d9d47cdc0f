"""The layered renderer: a scene of opaque and transparent layers through a thin lens.

Layers are blurred and composited from far to near in linear light, colour premultiplied by alpha,
so that a blurred foreground lets the background through at its edges. Source of the model: the
usual layered defocus approximation; capture.md section 6.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.optics.geometry import IDENTITY, Similarity
from defocus.optics.psf import disc_psf
from defocus.optics.thin_lens import Lens, circle_of_confusion_px

__all__ = ["Layer", "defocus_map", "moved_layers", "render"]


@dataclass(frozen=True)
class Layer:
    """One fronto-parallel layer of a scene.

    Attributes:
        colour: ``(H, W, 3)`` float64, linear light, >= 0, not multiplied by alpha.
        alpha: ``(H, W)`` float64 in [0, 1].
        depth_mm: Object distance, > 0; ``inf`` is allowed.
    """

    colour: NDArray[np.float64]
    alpha: NDArray[np.float64]
    depth_mm: float


def moved_layers(layers: Sequence[Layer], geometry: Similarity) -> list[Layer]:
    """The scene as a camera sees it that is displaced by ``geometry``.

    The result shows at x_s what ``layers`` show at x_b (see :mod:`defocus.optics.geometry`).
    Interpolation is cubic; outside the layer its border is repeated by reflection.
    """
    if geometry == IDENTITY:
        return list(layers)
    height, width = layers[0].alpha.shape
    matrix = geometry.matrix(width, height)
    return [
        replace(
            layer,
            colour=np.maximum(_warp(layer.colour, matrix), 0.0),
            alpha=np.clip(_warp(layer.alpha, matrix), 0.0, 1.0),
        )
        for layer in layers
    ]


def _warp(values: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = values.shape[:2]
    warped = cv2.warpAffine(
        values, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped)


def render(layers: Sequence[Layer], lens: Lens | None) -> NDArray[np.float64]:
    """The picture that a lens makes of a scene.

    Args:
        layers: The scene, in any order; the farthest must be opaque.
        lens: The lens, or None for a pinhole (everything in focus).

    Returns:
        ``(H, W, 3)`` float64, linear light.
    """
    ordered = sorted(layers, key=lambda layer: -layer.depth_mm)
    picture = np.zeros_like(ordered[0].colour)
    for layer in ordered:
        diameter = 0.0 if lens is None else abs(float(circle_of_confusion_px(layer.depth_mm, lens)))
        psf = disc_psf(diameter)
        alpha = _filter(layer.alpha, psf)[:, :, None]
        picture = picture * (1.0 - alpha) + _filter(layer.colour * layer.alpha[:, :, None], psf)
    return picture


def _filter(values: NDArray[np.float64], psf: NDArray[np.float64]) -> NDArray[np.float64]:
    if psf.size == 1:
        return values
    return np.asarray(cv2.filter2D(values, cv2.CV_64F, psf, borderType=cv2.BORDER_REFLECT_101))


def defocus_map(layers: Sequence[Layer], lens: Lens) -> NDArray[np.float64]:
    """Signed circle-of-confusion diameter of the frontmost surface, ``(H, W)``, in pixels.

    A layer counts as the surface where its alpha is at least one half.
    """
    ordered = sorted(layers, key=lambda layer: -layer.depth_mm)
    values = np.zeros_like(ordered[0].alpha)
    for layer in ordered:
        diameter = float(circle_of_confusion_px(layer.depth_mm, lens))
        values = np.where(layer.alpha >= 0.5, diameter, values)
    return values
