"""Inputs of a rendered pair: a scene with its lens, a camera and the random misalignment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from defocus.datasets.pair import Split
from defocus.scene.aperture import ROUND, Aperture, DualPixel
from defocus.scene.colour_psf import light_reach_px
from defocus.scene.real_lens import RealLens
from defocus.scene.sensor import Sensor
from defocus.scene.surfaces import Surface
from defocus.scene.thin_lens import Lens, circle_of_confusion_px

__all__ = ["DrawnMisalignment", "Scene", "SceneCamera", "with_margin"]

FULL_FRAME_MM = 36.0
SPARE_PX = 12
"""Margin beyond the blur, for what the misalignment brings into the frame."""


@dataclass(frozen=True)
class Scene:
    """One scene with its lens.

    Attributes:
        name: Name of the scene and id of the pair.
        split: Split of the pair.
        surfaces: Surfaces in any order; the farthest fills the frame.
        focus_mm: Focus distance of the lens.
        f_number: F-number of the blurry picture.
        focal_length_mm: Focal length of the lens, mm.
        size: Width and height of the pictures.
        sensor_width_mm: Longer side of the sensor, mm.
        margin_px: Margin of the frame from which light can come in: at least half of the largest
            circle of confusion.
    """

    name: str
    split: Split
    surfaces: tuple[Surface, ...]
    focus_mm: float = 1000.0
    f_number: float = 2.0
    focal_length_mm: float = 50.0
    size: tuple[int, int] = (384, 256)
    sensor_width_mm: float = FULL_FRAME_MM
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
        return tuple(sorted({name for surface in self.surfaces for name in surface.pictures}))


def with_margin(scene: Scene, depths_mm: Sequence[float], real: RealLens | None = None) -> Scene:
    """The scene with a margin that is wide enough for its blur."""
    largest = np.abs(circle_of_confusion_px(np.array(depths_mm), scene.lens())).max()
    spread = 0.0 if real is None else light_reach_px(scene.real_lens(real))
    wanted = math.ceil(largest / 2 + spread) + SPARE_PX
    return replace(scene, margin_px=max(scene.margin_px, wanted))


@dataclass(frozen=True)
class SceneCamera:
    """Properties of the camera besides the lens.

    Attributes:
        aperture: Shape and aberrations of the aperture.
        sensor: Noise of the sensor.
        dual_pixel: Division of the pixels; None for no views.
        real: A measured lens instead of the aperture, without dual-pixel views; None for none.
    """

    aperture: Aperture = ROUND
    sensor: Sensor = field(default_factory=Sensor)
    dual_pixel: DualPixel | None = field(default_factory=DualPixel)
    real: RealLens | None = None


@dataclass(frozen=True)
class DrawnMisalignment:
    """Ranges from which the misalignment of a pair is drawn.

    The ranges are of absolute values; signs and directions are drawn for each scene.

    Attributes:
        shift_px: Range of the length of the shift, px.
        zoom: Range of the distance of the zoom from 1.
        rotation_deg: Range of the rotation, degrees.
        gain_ev: Range of the exposure difference, EV.
    """

    shift_px: tuple[float, float] = (0.0, 0.0)
    zoom: tuple[float, float] = (0.0, 0.0)
    rotation_deg: tuple[float, float] = (0.0, 0.0)
    gain_ev: tuple[float, float] = (0.0, 0.0)
