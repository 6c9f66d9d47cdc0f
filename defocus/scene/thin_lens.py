"""The thin lens: circle of confusion, focus breathing, diffraction, exposure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.errors import OpticsError

__all__ = [
    "Lens",
    "airy_diameter_px",
    "breathing_zoom",
    "circle_of_confusion_px",
    "depth_of_field_mm",
    "exposure_difference_ev",
    "release_scale",
    "true_exposure_time",
    "true_f_number",
]

GREEN_WAVELENGTH_UM = 0.55


@dataclass(frozen=True)
class Lens:
    """A thin lens focused at one distance, in front of a sensor.

    Attributes:
        focal_length_mm: Focal length, > 0.
        f_number: Focal length over aperture diameter, > 0.
        focus_distance_mm: Object distance in focus, > focal length.
        sensor_pitch_um: Distance of two pixels of the picture, > 0.

    Raises:
        OpticsError: A value is impossible for a lens.
    """

    focal_length_mm: float
    f_number: float
    focus_distance_mm: float
    sensor_pitch_um: float

    def __post_init__(self) -> None:
        if min(self.focal_length_mm, self.f_number, self.sensor_pitch_um) <= 0:
            raise OpticsError(f"{self}: focal length, f-number and pitch must be above 0")
        if self.focus_distance_mm <= self.focal_length_mm:
            raise OpticsError(f"{self}: the focus distance must exceed the focal length")

    @property
    def image_distance_mm(self) -> float:
        """Distance of the sensor from the lens: v = f s / (s - f)."""
        f, s = self.focal_length_mm, self.focus_distance_mm
        return f * s / (s - f)


def circle_of_confusion_px(
    depth_mm: NDArray[np.float64] | float, lens: Lens
) -> NDArray[np.float64]:
    """Signed circle-of-confusion diameter of a thin lens.

    c = (f / N) * f / (s - f) * (d - s) / d with object distance d, focus distance s, focal
    length f and f-number N.

    Args:
        depth_mm: Object distance, any shape, > 0; ``inf`` is allowed.
        lens: The lens.

    Returns:
        Same shape; diameter in pixels, negative in front of the focus plane.

    Raises:
        OpticsError: A depth is not above 0.

    Example:
        >>> float(circle_of_confusion_px(2000.0, Lens(50.0, 4.0, 2000.0, 5.36)))
        0.0
    """
    depth = np.asarray(depth_mm, dtype=np.float64)
    if not np.all(depth > 0):
        raise OpticsError("depths must be above 0 mm; correct the depth map")
    f, s = lens.focal_length_mm, lens.focus_distance_mm
    aperture_mm = f / lens.f_number
    diameter_mm = aperture_mm * f / (s - f) * (1.0 - s / depth)
    return np.asarray(diameter_mm * 1000.0 / lens.sensor_pitch_um)


def breathing_zoom(lens: Lens, reference: Lens) -> float:
    """Magnification of a picture taken with ``lens`` over one taken with ``reference``.

    A lens that focuses by moving as a whole magnifies with its image distance: v / v_ref."""
    return lens.image_distance_mm / reference.image_distance_mm


def airy_diameter_px(lens: Lens, wavelength_um: float = GREEN_WAVELENGTH_UM) -> float:
    """Diameter of the Airy disc to its first dark ring, 2.44 λ N, in pixels."""
    return 2.44 * wavelength_um * lens.f_number / lens.sensor_pitch_um


def depth_of_field_mm(lens: Lens, largest_coc_px: float = 1.0) -> tuple[float, float]:
    """Nearest and farthest distance with an acceptable circle of confusion.

    With K = f² / (N (s - f)): d = s K / (K ± c), the inverse of :func:`circle_of_confusion_px`.

    Args:
        lens: The lens.
        largest_coc_px: Diameter that counts as sharp, pixels, > 0.

    Returns:
        Near and far limit; the far one is ``inf`` if everything behind the focal plane is sharp.

    Example:
        >>> [round(d) for d in depth_of_field_mm(Lens(50.0, 22.627, 2000.0, 5.36), 5.0)]
        [1369, 3711]
    """
    f, s = lens.focal_length_mm, lens.focus_distance_mm
    most_mm = f * f / (lens.f_number * (s - f))
    allowed_mm = largest_coc_px * lens.sensor_pitch_um / 1000.0
    far = s * most_mm / (most_mm - allowed_mm) if most_mm > allowed_mm else math.inf
    return s * most_mm / (most_mm + allowed_mm), far


def release_scale(lens: Lens, depths_mm: Sequence[float], largest_px: float = 1.0) -> float:
    """Reduction of a picture that hides diffraction and defocus."""
    spots = [abs(float(circle_of_confusion_px(depth, lens))) for depth in depths_mm]
    return min(1.0, largest_px / max(airy_diameter_px(lens), *spots, 1e-9))


def true_f_number(nominal: float) -> float:
    """The true f-number of an engraved one, on the grid of third stops 2^(k/6).

    Example:
        >>> round(true_f_number(22), 2)
        22.63
    """
    return float(2.0 ** (round(6.0 * math.log2(nominal)) / 6.0))


def true_exposure_time(nominal_s: float) -> float:
    """The true exposure time of a label in seconds, on the grid of third stops 2^(k/3).

    Example:
        >>> true_exposure_time(1 / 125)
        0.0078125
    """
    return float(2.0 ** (round(3.0 * math.log2(nominal_s)) / 3.0))


def exposure_difference_ev(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> float:
    """Exposure of the first setting over that of the second, in EV (log2)."""
    (n1, t1, iso1), (n2, t2, iso2) = first, second
    return math.log2(t1 * iso1 / n1**2) - math.log2(t2 * iso2 / n2**2)
