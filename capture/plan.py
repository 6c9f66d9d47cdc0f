"""What a bracket will do before a single shot is taken: exposure, blur and diffraction."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from defocus.capture.cameras.camera import CameraDescription
from defocus.capture.exposure import Bracket, Exposure
from defocus.optics.thin_lens import Lens, airy_diameter_px, circle_of_confusion_px

__all__ = ["OpticsRow", "Plan", "lens_of", "make_plan"]


@dataclass(frozen=True)
class OpticsRow:
    """Blur of an object at one distance; circle-of-confusion diameters in pixels, unsigned."""

    distance_mm: float
    blurry_coc_px: float
    sharp_coc_px: float


@dataclass(frozen=True)
class Plan:
    """A bracket and what it means for the picture.

    Attributes:
        camera: Who shoots.
        bracket: The two exposures.
        lens: The lens at the wide aperture; None where focal length, focus distance or pixel
            pitch are not known.
        rows: Circles of confusion at the distances asked for; empty without a lens.
    """

    camera: CameraDescription
    bracket: Bracket
    lens: Lens | None
    rows: tuple[OpticsRow, ...]

    @property
    def airy_px(self) -> dict[str, float | None]:
        """Diameter of the Airy disc by role, px."""
        if self.lens is None:
            return {"blurry": None, "sharp": None}
        narrow = replace(self.lens, f_number=self.bracket.sharp.f_number)
        return {"blurry": airy_diameter_px(self.lens), "sharp": airy_diameter_px(narrow)}

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object; what is not known is null."""
        return {
            "camera": self.camera.to_json(),
            **self.bracket.to_json(),
            "lens": None if self.lens is None else asdict(self.lens),
            "airy_diameter_px": self.airy_px,
            "circle_of_confusion": [asdict(row) for row in self.rows],
        }

    def lines(self) -> list[str]:
        """The plan for people."""
        bracket = self.bracket
        text = [
            f"camera      {self.camera.model} ({self.camera.uri})",
            f"blurry      {_exposure(bracket.blurry)}",
            f"sharp       {_exposure(bracket.sharp)}",
            (
                f"light       {bracket.aperture_ev:.2f} EV apart "
                f"({bracket.nominal_aperture_ev:.2f} by the labels); "
                f"exposure equal within {abs(bracket.residual_ev):.2f} EV"
            ),
        ]
        if self.lens is None:
            text.append(
                "blur        unknown: give --focal-length, --focus-distance, --sensor-pitch"
            )
        else:
            airy = self.airy_px
            text.append(f"Airy disc   blurry {airy['blurry']:.1f} px, sharp {airy['sharp']:.1f} px")
        text.extend(
            f"at {row.distance_mm / 1000:6.2f} m  circle of confusion: "
            f"blurry {row.blurry_coc_px:.1f} px, sharp {row.sharp_coc_px:.1f} px"
            for row in self.rows
        )
        return text + [f"note        {note}" for note in bracket.notes]


def _exposure(exposure: Exposure) -> str:
    iso = "" if exposure.iso is None else f", ISO {exposure.iso}"
    return (
        f"{exposure.aperture}, {exposure.shutter}{iso} "
        f"(truly f/{exposure.f_number:.2f}, {exposure.seconds:.4g} s)"
    )


def lens_of(
    camera: CameraDescription,
    bracket: Bracket,
    *,
    focal_length_mm: float | None = None,
    focus_distance_mm: float | None = None,
    sensor_pitch_um: float | None = None,
) -> Lens | None:
    """The lens at the wide aperture, from what a person says or else what the camera says.

    Returns:
        None where one of the values is not known.

    Raises:
        OpticsError: Values no lens can have.
    """
    focal = focal_length_mm or camera.focal_length_mm
    focus = focus_distance_mm or camera.focus_distance_mm
    pitch = sensor_pitch_um or camera.sensor_pitch_um
    if focal is None or focus is None or pitch is None:
        return None
    return Lens(focal, bracket.blurry.f_number, focus, pitch)


def make_plan(
    camera: CameraDescription, bracket: Bracket, lens: Lens | None, distances_mm: Sequence[float]
) -> Plan:
    """The plan of a bracket.

    Args:
        camera: Who shoots.
        bracket: The two exposures.
        lens: The lens at the wide aperture, or None.
        distances_mm: Where objects stand.
    """
    rows: list[OpticsRow] = []
    if lens is not None:
        narrow = replace(lens, f_number=bracket.sharp.f_number)
        rows = [
            OpticsRow(distance, _diameter(distance, lens), _diameter(distance, narrow))
            for distance in distances_mm
        ]
    return Plan(camera, bracket, lens, tuple(rows))


def _diameter(distance_mm: float, lens: Lens) -> float:
    return abs(float(circle_of_confusion_px(distance_mm, lens)))
