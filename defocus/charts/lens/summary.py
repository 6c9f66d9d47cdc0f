"""A fitted lens as a file's content and as text."""

from dataclasses import dataclass, replace

import numpy as np

from defocus.optics.lens.file import MeasuredLens, Recording
from defocus.optics.lens.kernels import colour_psfs
from defocus.optics.lens.prescription import RealLens

__all__ = ["FittedLens", "kernel_mtf50", "measured", "summary_lines"]

PLACES = (("middle", (0.0, 0.0)), ("side", (0.5, 0.0)), ("corner", (0.7, 0.55)))
DIRECTIONS = 8
FREQUENCIES = np.linspace(0.0, 0.5, 201)


@dataclass(frozen=True)
class FittedLens:
    """A lens with what is known of its exactness.

    Attributes:
        lens: The lens, fully open.
        numbers: Its fitted numbers by name, in the units of :class:`RealLens`.
        errors: Standard error of each number, by its name; what the photographs do not show has a
            large one, also where another lens explains them as well.
        diameters: Circle of confusion in the middle of each photograph that was used, px, signed.
        f_numbers: Their f-numbers.
        residual: What the lens does not explain, root mean square over paper minus ink.
    """

    lens: RealLens
    numbers: dict[str, float]
    errors: dict[str, float]
    diameters: tuple[float, ...]
    f_numbers: tuple[float, ...]
    residual: float


def measured(found: FittedLens, recording: Recording | None = None) -> MeasuredLens:
    """What a lens file keeps of a fit, and of how its photographs were recorded."""
    f_numbers = sorted(set(found.f_numbers))
    return MeasuredLens(found.lens, f_numbers, found.errors, found.residual, recording)


def kernel_mtf50(
    lens: RealLens, diameter_px: float, field: tuple[float, float], colour: int = 1
) -> float:
    """MTF50 of a lens, the mean over directions, cycles per px; 0.5 where it lies beyond.

    Args:
        lens: The lens.
        diameter_px: Signed circle-of-confusion diameter, px.
        field: Place in the picture, 1 = corner.
        colour: 0 red, 1 green, 2 blue.
    """
    kernel = colour_psfs(lens, diameter_px, field)[colour]
    steps = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    curve = np.zeros_like(FREQUENCIES)
    for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
        place = np.cos(angle) * steps[None, :] + np.sin(angle) * steps[:, None]
        waves = np.exp(-2j * np.pi * FREQUENCIES[:, None] * place.ravel())
        curve += np.abs(waves @ kernel.ravel()) / DIRECTIONS
    below = np.flatnonzero(curve < 0.5)
    if not len(below):
        return float(FREQUENCIES[-1])
    return float(np.interp(0.5, curve[below[0] : below[0] - 2 : -1],
                           FREQUENCIES[below[0] : below[0] - 2 : -1]))  # fmt: skip


def summary_lines(found: FittedLens) -> list[str]:
    """A fit as text: MTF50 of each photograph at three places, and the numbers with errors."""
    lens = found.lens
    head = (
        f"f/{lens.open_f_number:g} lens, pixels of {lens.pixel_pitch_um:.1f} µm; it explains all "
        f"but {found.residual:.1%} of the contrast"
    )
    lines = [head, "MTF50 of green, cycles/px:  " + "  ".join(name for name, _ in PLACES)]
    for f_number, diameter in zip(found.f_numbers, found.diameters, strict=True):
        used = replace(lens, f_number=f_number)
        values = "  ".join(f"{kernel_mtf50(used, diameter, place):.3f}" for _, place in PLACES)
        lines.append(f"  f/{f_number:g}, circle of confusion {diameter:+.1f} px:  {values}")
    return lines + [
        f"  {name}: {value:+.2f} ± {found.errors[name]:.2f}"
        for name, value in found.numbers.items()
        if name in found.errors
    ]
