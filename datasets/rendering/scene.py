"""Inputs of a rendered pair: a scene with its lens, a camera and the random misalignment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from defocus.datasets.pair import Split
from defocus.datasets.pair_files import read_array
from defocus.errors import DatasetError
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float, srgb_to_linear
from defocus.scene.aperture import ROUND, Aperture, DualPixel
from defocus.scene.colour_psf import light_reach_px
from defocus.scene.layers import Layer
from defocus.scene.pictures import covering
from defocus.scene.real_lens import RealLens
from defocus.scene.sensor import Sensor
from defocus.scene.surfaces import Canvas, Surface, measured_layers, shadows_filled
from defocus.scene.thin_lens import Lens, circle_of_confusion_px
from defocus.settings import Settings, StrictNumbers
from defocus.storage.files import sha256_file

Corners = tuple[tuple[float, float], ...]

Array = NDArray[np.float64]

DEPTH_STEPS = 48
"""Layers of a measured depth: with circles of confusion to ±24 px they lie 1 px apart."""


@dataclass(frozen=True)
class DepthPicture:
    """A picture with the depth of each of its pixels."""

    picture: Path
    depth: Path  # 16-bit grey picture or ``.npy`` file of the same size; 0 is unknown
    unit_mm: float = 1.0  # length of one depth unit, mm

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
        colour = _linear(self.picture)
        depth = read_depth(self.depth) * self.unit_mm
        if colour.shape[:2] != depth.shape:
            raise DatasetError(
                f"{self.depth} is {depth.shape[1]}x{depth.shape[0]} but {self.picture} is "
                f"{colour.shape[1]}x{colour.shape[0]}; a depth needs its picture's size"
            )
        return measured_layers(colour, depth, canvas, DEPTH_STEPS)


def _closed(
    corners: Corners,
) -> Corners:
    if len(corners) < 3:
        raise ValueError("a polygon has three corners or more")
    return corners


@dataclass(frozen=True)
class PicturePlane(StrictNumbers):
    """A picture on a plane that faces the camera, whole or cut out to a polygon."""

    # picture file; its largest centred part with the frame's aspect ratio fills the canvas
    picture: Path
    depth_mm: Annotated[float, Field(gt=0)]  # distance of the plane
    # corners in frame heights from the frame's centre; None fills the canvas
    polygon: Annotated[Corners, AfterValidator(_closed)] | None = None

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
        raise DatasetError(
            f"{file}: cannot be read ({error.strerror}); check the path"
        ) from error


def _linear(file: Path) -> Array:
    return np.asarray(srgb_to_linear(as_float(read_image(file), np.float64)))


def read_depth(file: Path) -> Array:
    """The depth of each pixel, ``(H, W)`` float64, > 0; unknown ones (0, or not finite) are filled.

    They have the farther of their left and right neighbours."""
    depth = _stored_depth(file)
    if depth.ndim != 2 or (depth < 0).any():
        raise DatasetError(
            f"{file}: a depth has two axes and no negative value; correct it"
        )
    is_known = np.isfinite(depth) & (depth > 0)
    filled = shadows_filled(np.where(is_known, depth, np.nan))
    unknown = np.flatnonzero(~np.isfinite(filled).all(axis=1))
    if unknown.size:
        raise DatasetError(
            f"{file}: row {unknown[0]} has no known depth at all; fill it"
        )
    return filled


def _stored_depth(file: Path) -> Array:
    """The values of an array, or of a grey picture."""
    if file.suffix.lower() == ".npy":
        return read_array(file).astype(np.float64)
    picture = read_image(file)
    if (picture != picture[:, :, :1]).any():
        raise DatasetError(f"{file}: a depth is grey; this picture has colours")
    return picture[:, :, 0].astype(np.float64)


def polygon_alpha(corners: Corners, x: Array, y: Array, height_px: float) -> Array:
    """Opacity of a polygon at points of the frame, its edge one final pixel wide."""
    points = np.stack([x.ravel(), y.ravel()], axis=-1).astype(np.float32)
    distance = np.full(len(points), np.inf)
    inside = np.zeros(len(points), dtype=bool)
    for start, end in zip(corners, (*corners[1:], corners[0]), strict=True):
        away = points - np.array(start)
        distance = np.minimum(distance, _distance(away, np.subtract(end, start)))
        # a point is inside if the ray to its right crosses an odd number of edges
        inside ^= _crosses(points, start, end)
    signed = np.where(inside, distance, -distance)
    alpha = np.clip(signed * height_px + 0.5, 0.0, 1.0)
    return np.asarray(alpha.reshape(x.shape))


def _crosses(
    points: NDArray[np.float32],
    start: tuple[float, float],
    end: tuple[float, float],
) -> NDArray[np.bool_]:
    """Whether the ray to the right of each point crosses an edge."""
    right, down = points.T
    between = (start[1] > down) != (end[1] > down)
    x, y = np.subtract(end, start)
    if not y:
        return np.asarray(between)
    below_start = down.astype(np.float64) - start[1]
    return np.asarray(between & (right < start[0] + below_start * x / y))


def _distance(points: Array, edge: Array) -> Array:
    """Distance of points from an edge that begins at the origin."""
    along = points @ edge / max(float(edge @ edge), 1e-12)
    share = np.clip(along, 0.0, 1.0)
    nearest = share[:, None] * edge
    right, down = (points - nearest).T
    return np.asarray(np.hypot(right, down))


FULL_FRAME_MM = 36.0
SPARE_PX = 12
"""Width, px, of the margin around a scene beyond the reach of its blur; the misalignment brings
parts of it into the frame."""


@dataclass(frozen=True)
class Scene:
    """One scene with its lens."""

    name: str  # name of the scene and id of the pair
    split: Split
    surfaces: tuple[Surface, ...]  # surfaces in any order; the farthest fills the frame
    focus_mm: float = 1000.0
    f_number: float = 2.0  # F-number of the blurry picture
    focal_length_mm: float = 50.0
    size: tuple[int, int] = (384, 256)  # width and height of the pictures
    sensor_width_mm: float = FULL_FRAME_MM  # longer side of the sensor, mm
    # margin of the frame from which light can come in: at least half of the largest circle of
    # confusion
    margin_px: int = 24

    def lens(self, aperture_factor: float = 1.0) -> Lens:
        """The lens with its aperture opened by a factor."""
        return Lens(
            focal_length_mm=self.focal_length_mm,
            f_number=self.f_number / aperture_factor,
            focus_distance_mm=self.focus_mm,
            sensor_pitch_um=self.sensor_width_mm * 1000.0 / max(self.size),
        )

    def real_lens(self, real: RealLens) -> RealLens:
        """A real lens at the f-number and the pixel pitch of the scene."""
        pitch_um = self.lens().sensor_pitch_um
        return replace(real, f_number=self.f_number, pixel_pitch_um=pitch_um)

    @property
    def pictures(self) -> tuple[str, ...]:
        """All source pictures, sorted."""
        names: set[str] = set()
        for surface in self.surfaces:
            names |= set(surface.pictures)
        return tuple(sorted(names))


def with_margin(
    scene: Scene, depths_mm: Sequence[float], real: RealLens | None = None
) -> Scene:
    """The scene with a margin that is wide enough for its blur."""
    circles = circle_of_confusion_px(np.array(depths_mm), scene.lens())
    reach_px = np.abs(circles).max() / 2
    if real is not None:
        reach_px += light_reach_px(scene.real_lens(real))
    wanted = math.ceil(reach_px) + SPARE_PX
    return replace(scene, margin_px=max(scene.margin_px, wanted))


@dataclass(frozen=True)
class SceneCamera:
    """Properties of the camera besides the lens."""

    aperture: Aperture = ROUND  # shape and aberrations of the aperture
    sensor: Sensor = field(default_factory=Sensor)  # noise of the sensor
    # division of the pixels; None for no views
    dual_pixel: DualPixel | None = field(default_factory=DualPixel)
    # a measured lens instead of the aperture, without dual-pixel views; None for none
    real: RealLens | None = None


Range = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


def _ordered(limits: Range) -> Range:
    least, greatest = limits
    if least > greatest:
        raise ValueError(
            f"a range goes from the least to the greatest, not {list(limits)}"
        )
    return limits


Magnitudes = Annotated[Range, AfterValidator(_ordered)]


class DrawnMisalignment(Settings):
    """Ranges of absolute values from which the misalignment of a pair is drawn."""

    # signs and directions are drawn for each scene
    shift_px: Magnitudes = (0.0, 0.0)  # length of the shift
    zoom: Magnitudes = (0.0, 0.0)  # distance of the zoom from 1
    rotation_deg: Magnitudes = (0.0, 0.0)
    gain_ev: Magnitudes = (0.0, 0.0)  # of the exposure difference
