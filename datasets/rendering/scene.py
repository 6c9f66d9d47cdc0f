"""What a pair is rendered from: a scene with its lens, a camera, and the misalignment to draw."""

from dataclasses import dataclass, field

from defocus.datasets.pair import Split
from defocus.datasets.rendering.surfaces import Surface
from defocus.optics.aperture import ROUND, Aperture, DualPixel
from defocus.optics.sensor import Sensor
from defocus.optics.thin_lens import Lens

__all__ = ["Camera", "Misalignment", "Scene"]

FULL_FRAME_MM = 36.0


@dataclass(frozen=True)
class Scene:
    """One scene with the lens that takes it.

    Attributes:
        name: Also the pair's id.
        split: Where its pair belongs.
        surfaces: What is seen, in any order; the farthest fills the frame.
        focus_mm: Focus distance of the lens.
        f_number: Of the blurry picture.
        focal_length_mm: Of the lens.
        size: Width and height of the pictures.
        sensor_width_mm: Of the sensor's longer side.
        margin_px: Light comes in from so far outside the frame: half of the largest circle of
            confusion or more.
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

    @property
    def pictures(self) -> tuple[str, ...]:
        """All source pictures, sorted."""
        return tuple(sorted({name for surface in self.surfaces for name in surface.pictures}))


@dataclass(frozen=True)
class Camera:
    """What takes the pictures, beside the lens.

    Attributes:
        aperture: Its shape and errors.
        sensor: Its noise.
        dual_pixel: How its pixels are divided; None: into nothing, there are no views.
    """

    aperture: Aperture = ROUND
    sensor: Sensor = field(default_factory=Sensor)
    dual_pixel: DualPixel | None = field(default_factory=DualPixel)


@dataclass(frozen=True)
class Misalignment:
    """What the misalignment of a pair is drawn from.

    The ranges are of absolute values; signs and directions are drawn for each scene.

    Attributes:
        shift_px: Of the length of the shift.
        zoom: Of the distance of the zoom from 1.
        rotation_deg: Of the rotation.
        gain_ev: Of the exposure difference.
    """

    shift_px: tuple[float, float] = (0.0, 0.0)
    zoom: tuple[float, float] = (0.0, 0.0)
    rotation_deg: tuple[float, float] = (0.0, 0.0)
    gain_ev: tuple[float, float] = (0.0, 0.0)
