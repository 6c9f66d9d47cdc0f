"""``render.toml``: the user's request for rendered pairs.

::

    size = [480, 320]

    [lens]
    focal_length_mm = 50.0
    f_number = 1.8
    focus_distance_mm = 1000.0
    file = "lens.json"               # a measured lens; default: an ideal one

    [aperture]                       # default: an ideal circle; not beside a lens file
    blades = 7
    cats_eye = 0.3

    [dual_pixel]                     # default: no views
    profile = "butterworth"

    [misalignment]                   # ranges of absolute values; default: none
    shift_px = [0.2, 0.6]

    [[scenes]]                       # a picture with a depth for each pixel
    name = "garden"
    picture = "garden.png"
    depth = "garden-depth.png"       # 16-bit grey PNG or .npy; 0 is unknown
    depth_unit_mm = 1.0

    [[scenes]]                       # pictures on planes that face the camera
    name = "desk"
    planes = [
      {picture = "wall.jpg", depth_mm = 2500.0},
      {picture = "page.png", depth_mm = 800.0, polygon = [[-0.4, -0.3], [0.2, -0.3], [0, 0.4]]},
    ]

Files are named relative to the request. Polygons are in heights of the frame from its centre, x
right, y down.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from defocus.settings import Settings, load_settings

__all__ = ["RenderRequest", "SceneRequest", "load_request"]

Range = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]
NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"
LARGEST_SIDE = 8192


def _ordered(limits: Range) -> Range:
    if limits[0] > limits[1]:
        raise ValueError(f"a range goes from the least to the greatest, not {list(limits)}")
    return limits


Magnitudes = Annotated[Range, AfterValidator(_ordered)]


class LensRequest(Settings):
    """The lens; fields as in :class:`defocus.datasets.rendering.scene.Scene`.

    ``file`` is one of ``defocus-capture chart lens``; it gives the kernels, the other fields their
    size.
    """

    focal_length_mm: Annotated[float, Field(gt=0)]
    f_number: Annotated[float, Field(gt=0)]
    focus_distance_mm: Annotated[float, Field(gt=0)]
    sensor_width_mm: Annotated[float, Field(gt=0)] = 36.0
    file: Path | None = None


class ApertureRequest(Settings):
    """The aperture; fields as in :class:`defocus.scene.aperture.Aperture`."""

    blades: int = 0
    turn_deg: float = 0.0
    spherical: float = 0.0
    cats_eye: float = 0.0


class DualPixelRequest(Settings):
    """The views; fields as in :class:`defocus.scene.aperture.DualPixel`."""

    profile: Literal["half-disc", "butterworth"] = "butterworth"
    order: int = 3
    cutoff: float = 1.2


class SensorRequest(Settings):
    """The noise; fields as in :class:`defocus.scene.sensor.Sensor`."""

    full_well_e: Annotated[float, Field(gt=0)] = 15000.0
    read_noise_e: Annotated[float, Field(ge=0)] = 4.0


class MisalignmentRequest(Settings):
    """Ranges; fields as in :class:`defocus.datasets.rendering.scene.DrawnMisalignment`."""

    shift_px: Magnitudes = (0.0, 0.0)
    zoom: Magnitudes = (0.0, 0.0)
    rotation_deg: Magnitudes = (0.0, 0.0)
    gain_ev: Magnitudes = (0.0, 0.0)


class PlaneRequest(Settings):
    """A picture on a plane; the farthest plane of a scene has no polygon and fills the frame."""

    picture: Path
    depth_mm: Annotated[float, Field(gt=0)]
    polygon: tuple[tuple[float, float], ...] | None = None

    @model_validator(mode="after")
    def _a_polygon(self) -> "PlaneRequest":
        if self.polygon is not None and len(self.polygon) < 3:
            raise ValueError("a polygon has three corners or more")
        return self


class SceneRequest(Settings):
    """One scene: a picture with depth, or planes.

    Attributes:
        name: Name of the scene and id of the pair.
        picture, depth: A picture and the depth of each of its pixels.
        depth_unit_mm: Length of one unit of the depth file, mm.
        planes: Planes, instead of picture and depth.
        focus_distance_mm, f_number: Values that differ from the lens's.
    """

    name: Annotated[str, Field(pattern=NAME)]
    picture: Path | None = None
    depth: Path | None = None
    depth_unit_mm: Annotated[float, Field(gt=0)] = 1.0
    planes: tuple[PlaneRequest, ...] = ()
    focus_distance_mm: Annotated[float, Field(gt=0)] | None = None
    f_number: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "SceneRequest":
        measured = self.picture is not None and self.depth is not None
        if measured == bool(self.planes) or (self.picture is None) != (self.depth is None):
            raise ValueError(f"scene '{self.name}' needs picture and depth, or planes")
        if self.planes and max(self.planes, key=lambda plane: plane.depth_mm).polygon is not None:
            raise ValueError(f"the farthest plane of '{self.name}' fills the frame: no polygon")
        return self


class RenderRequest(Settings):
    """The whole document."""

    size: tuple[
        Annotated[int, Field(ge=32, le=LARGEST_SIDE)], Annotated[int, Field(ge=32, le=LARGEST_SIDE)]
    ]
    lens: LensRequest
    aperture: ApertureRequest = ApertureRequest()
    dual_pixel: DualPixelRequest | None = None
    sensor: SensorRequest = SensorRequest()
    misalignment: MisalignmentRequest = MisalignmentRequest()
    scenes: Annotated[tuple[SceneRequest, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique_names(self) -> "RenderRequest":
        names = [scene.name for scene in self.scenes]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two scenes are called '{name}'")
        return self


def load_request(path: Path) -> RenderRequest:
    """Read a request."""
    return load_settings(RenderRequest, path)
