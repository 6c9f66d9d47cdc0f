"""The thin lens: circle of confusion, focus breathing, diffraction, exposure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.errors import OpticsError

GREEN_WAVELENGTH_UM = 0.55


@dataclass(frozen=True)
class Lens:
    """A thin lens focused at one distance, in front of a sensor."""

    focal_length_mm: float  # focal length, > 0
    f_number: float  # focal length over aperture diameter, > 0
    focus_distance_mm: float  # object distance in focus, > focal length
    sensor_pitch_um: float  # distance of two pixels of the picture, > 0

    def __post_init__(self) -> None:
        for name in ("focal_length_mm", "f_number", "sensor_pitch_um"):
            if not (value := getattr(self, name)) > 0:
                raise OpticsError(f"{name} is {value:g}; give a number above 0")
        if self.focus_distance_mm <= self.focal_length_mm:
            raise OpticsError(
                f"the focus distance, {self.focus_distance_mm:g} mm, must exceed the focal length, "
                f"{self.focal_length_mm:g} mm"
            )

    @property
    def image_distance_mm(self) -> float:
        """Distance of the sensor from the lens: v = f s / (s - f)."""
        f = self.focal_length_mm
        s = self.focus_distance_mm
        return f * s / (s - f)


def circle_of_confusion_px(
    depth_mm: NDArray[np.float64] | float,
    lens: Lens,
) -> NDArray[np.float64]:
    """Signed circle-of-confusion diameter of a thin lens, px; negative before the focus plane."""
    # c = (f / N) * f / (s - f) * (d - s) / d with object distance d (``inf`` is allowed), focus
    # distance s, focal length f and f-number N.
    depth = np.asarray(depth_mm, dtype=np.float64)
    if not np.all(depth > 0):
        raise OpticsError("depths must be above 0 mm; correct the depth map")
    f = lens.focal_length_mm
    s = lens.focus_distance_mm
    aperture_mm = f / lens.f_number
    diameter_mm = aperture_mm * f / (s - f) * (1.0 - s / depth)
    return np.asarray(diameter_mm * 1000.0 / lens.sensor_pitch_um)


def breathing_zoom(lens: Lens, reference: Lens) -> float:
    """Magnification of a picture taken with ``lens`` over one taken with ``reference``.

    A lens that focuses by moving as a whole magnifies with its image distance: v / v_ref."""
    return lens.image_distance_mm / reference.image_distance_mm


def airy_diameter_px(lens: Lens) -> float:
    """Diameter of the Airy disc of green light to its first dark ring, 2.44 λ N, in pixels."""
    return 2.44 * GREEN_WAVELENGTH_UM * lens.f_number / lens.sensor_pitch_um


def depth_of_field_mm(lens: Lens, largest_coc_px: float = 1.0) -> tuple[float, float]:
    """Nearest and farthest distance (or ``inf``) with an acceptable circle of confusion."""
    # With K = f² / (N (s - f)): d = s K / (K ± c), the inverse of :func:`circle_of_confusion_px`.
    f = lens.focal_length_mm
    s = lens.focus_distance_mm
    most_mm = f * f / (lens.f_number * (s - f))
    allowed_mm = largest_coc_px * lens.sensor_pitch_um / 1000.0
    near = s * most_mm / (most_mm + allowed_mm)
    if most_mm <= allowed_mm:
        return near, math.inf
    return near, s * most_mm / (most_mm - allowed_mm)


def release_scale(
    lens: Lens,
    depths_mm: Sequence[float],
    largest_px: float = 1.0,
) -> float:
    """Reduction of a picture that hides diffraction and defocus."""
    spots = [abs(float(circle_of_confusion_px(depth, lens))) for depth in depths_mm]
    largest_spot = max(airy_diameter_px(lens), *spots, 1e-9)
    return min(1.0, largest_px / largest_spot)


def true_f_number(nominal: float) -> float:
    """The true f-number of an engraved one, on the grid of third stops 2^(k/6): 22.63 for 22."""
    sixths = round(6.0 * math.log2(nominal))
    return float(2.0 ** (sixths / 6.0))


def true_exposure_time(nominal_s: float) -> float:
    """The true time of a label, s, on the grid of third stops 2^(k/3): 1/128 for 1/125."""
    thirds = round(3.0 * math.log2(nominal_s))
    return float(2.0 ** (thirds / 3.0))


def exposure_difference_ev(
    first: tuple[float, float, float],
    second: tuple[float, float, float],
) -> float:
    """Exposure of the first setting over that of the second, in EV (log2)."""
    n1, t1, iso1 = first
    n2, t2, iso2 = second
    return math.log2(t1 * iso1 / n1**2) - math.log2(t2 * iso2 / n2**2)
