"""Surfaces from a user's files: pictures with measured depth, pictures on planes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.files.arrays import read_array
from defocus.errors import DatasetError
from defocus.files import sha256_file
from defocus.images import as_float, read_image, srgb_to_linear
from defocus.scene.layers import Layer
from defocus.scene.pictures import covering
from defocus.scene.surfaces import Canvas, measured_layers, shadows_filled

__all__ = ["DepthPicture", "PicturePlane", "polygon_alpha", "read_depth", "source_name"]

Array = NDArray[np.float64]

DEPTH_STEPS = 48
"""Layers of a measured depth: with circles of confusion to ±24 px they lie 1 px apart."""


@dataclass(frozen=True)
class DepthPicture:
    """A picture with the depth of each of its pixels.

    Attributes:
        picture: Picture file.
        depth: 16-bit grey picture or ``.npy`` file of the same size; 0 is unknown.
        unit_mm: Length of one depth unit, mm.
    """

    picture: Path
    depth: Path
    unit_mm: float = 1.0

    @property
    def pictures(self) -> tuple[str, ...]:
        """The source picture, by the hash of its content."""
        return (source_name(self.picture),)

    @property
    def depth_range_mm(self) -> tuple[float, float]:
        """The nearest and the farthest depth."""
        depth = read_depth(self.depth) * self.unit_mm
        return float(depth.min()), float(depth.max())

    def layers(self, canvas: Canvas) -> list[Layer]:
        """Convert to many layers."""
        colour, depth = _linear(self.picture), read_depth(self.depth) * self.unit_mm
        if colour.shape[:2] != depth.shape:
            raise DatasetError(
                f"{self.depth} is {depth.shape[1]}x{depth.shape[0]} but {self.picture} is "
                f"{colour.shape[1]}x{colour.shape[0]}; a depth needs its picture's size"
            )
        return measured_layers(colour, depth, canvas, DEPTH_STEPS)


@dataclass(frozen=True)
class PicturePlane:
    """A picture on a plane that faces the camera, whole or cut out to a polygon.

    Attributes:
        picture: Picture file; its largest centred part with the frame's aspect ratio fills the
            canvas.
        depth_mm: Distance of the plane.
        polygon: Corners in frame heights from the frame's centre; None fills the canvas.
    """

    picture: Path
    depth_mm: float
    polygon: tuple[tuple[float, float], ...] | None = None

    @property
    def pictures(self) -> tuple[str, ...]:
        """The source picture, by the hash of its content."""
        return (source_name(self.picture),)

    @property
    def depth_range_mm(self) -> tuple[float, float]:
        """The nearest and the farthest depth."""
        return self.depth_mm, self.depth_mm

    def layers(self, canvas: Canvas) -> list[Layer]:
        """One layer."""
        rows, columns = canvas.shape
        colour = covering(_linear(self.picture), columns, rows)
        alpha = np.ones((rows, columns))
        if self.polygon is not None:
            alpha = polygon_alpha(self.polygon, *canvas.points(), canvas.height)
        return [Layer(colour, alpha, self.depth_mm)]


def source_name(file: Path) -> str:
    """A name that is the same for equal pictures in any place."""
    try:
        return f"sha256:{sha256_file(file)}"
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read ({error.strerror}); check the path") from error


def _linear(file: Path) -> Array:
    return np.asarray(srgb_to_linear(as_float(read_image(file), np.float64)))


def read_depth(file: Path) -> Array:
    """The depth of each pixel, ``(H, W)`` float64, > 0.

    Unknown values (0, or not finite) are replaced by the farther of their left and right
    neighbours.
    """
    depth = read_array(file).astype(np.float64) if file.suffix.lower() == ".npy" else _grey(file)
    if depth.ndim != 2 or (depth < 0).any():
        raise DatasetError(f"{file}: a depth has two axes and no negative value; correct it")
    filled = shadows_filled(np.where(np.isfinite(depth) & (depth > 0), depth, np.nan))
    unknown = np.flatnonzero(~np.isfinite(filled).all(axis=1))
    if unknown.size:
        raise DatasetError(f"{file}: row {unknown[0]} has no known depth at all; fill it")
    return filled


def _grey(file: Path) -> Array:
    picture = read_image(file)
    if (picture != picture[:, :, :1]).any():
        raise DatasetError(f"{file}: a depth is grey; this picture has colours")
    return picture[:, :, 0].astype(np.float64)


def polygon_alpha(
    corners: tuple[tuple[float, float], ...], x: Array, y: Array, height_px: float
) -> Array:
    """Opacity of a polygon at points of the frame, its edge one final pixel wide."""
    points = np.stack([x.ravel(), y.ravel()], axis=-1).astype(np.float32)
    distance = np.full(len(points), np.inf)
    inside = np.zeros(len(points), dtype=bool)
    for start, end in zip(corners, (*corners[1:], corners[0]), strict=True):
        first, edge = np.array(start), np.subtract(end, start)
        along = np.clip((points - first) @ edge / max(float(edge @ edge), 1e-12), 0.0, 1.0)
        distance = np.minimum(distance, np.hypot(*(points - first - along[:, None] * edge).T))
        crosses = (start[1] > points[:, 1]) != (end[1] > points[:, 1])
        if edge[1]:
            at = first[0] + (points[:, 1] - first[1]) * edge[0] / edge[1]
            inside ^= crosses & (points[:, 0] < at)
    signed = np.where(inside, distance, -distance)
    return np.asarray(np.clip(signed * height_px + 0.5, 0.0, 1.0).reshape(x.shape))
