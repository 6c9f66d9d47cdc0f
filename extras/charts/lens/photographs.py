"""Photographs of the chart for the fit of a lens: read from files, and ordered by focus."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.extras.charts.lens.probes import ChartShot, largest_blur
from defocus.extras.charts.reading.levels import OVEREXPOSED, paper_is_clipped
from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.reading.stored_light import stored_light
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH
from defocus.progress import track

Floats = NDArray[np.float64]

LEAST_BLUR_PX = 3.0
"""Least blur of a photograph, px. Nearer to the focus the pixels hide what the lens does, and
diffraction is known roughly."""

ONE_PER_FOCUS = "take one nearer than the chart, one on it, one farther"


def chart_shots(
    pictures: Sequence[Path],
    f_numbers: Sequence[float],
    *,
    linear: bool = False,
) -> list[ChartShot]:
    """Read photographs of the chart, of one size; over-exposure has lost the shape of the blur."""
    shots: list[ChartShot] = []
    for picture, f_number in track(
        list(zip(pictures, f_numbers, strict=True)),
        "reading charts",
    ):
        stored = stored_light(picture, linear=linear)
        if shots and stored.shape != shots[0].light.shape:
            raise ImageError(
                f"{picture}: has another size than {pictures[0]}; give pictures alike"
            )
        reading = read_chart(stored)
        if reading is None:
            raise ImageError(
                f"{picture}: no chart found; fill the frame with it, in even light"
            )
        light = reading.tone.light(stored)[:]
        if paper_is_clipped(light, reading.sheet, reading.geometry):
            raise ImageError(f"{picture}: {OVEREXPOSED}")
        _require_new(picture, light, shots)
        shots.append(ChartShot(light, reading, f_number, str(picture)))
    return shots


def _require_new(picture: Path, light: Floats, shots: Sequence[ChartShot]) -> None:
    """Refuse a picture that was given before."""
    for shot in shots:
        if np.array_equal(shot.light, light):
            raise ImageError(
                f"{picture}: the same picture as {shot.name}; {ONE_PER_FOCUS}"
            )


def signed_blur(shots: Sequence[ChartShot]) -> Floats:
    """Blur of each photograph, px, positive before the sharpest of its f-number in their order.

    The sharpest is zero if others are on both sides: on which side it is blurred is not known."""
    blur = np.array([shot.blur_px for shot in shots])
    f_numbers = np.array([shot.f_number for shot in shots])
    for f_number in np.unique(f_numbers):
        group = np.flatnonzero(f_numbers == f_number)
        sharpest = group[np.argmin(blur[group])]
        if sharpest not in group[[0, -1]]:
            blur[sharpest] = 0.0
        elif blur[sharpest] >= LEAST_BLUR_PX:
            raise ImageError(
                f"no picture at f/{f_number:g} is in focus; add one between those focused nearer "
                "and those focused farther than the chart"
            )
        blur[group[group > sharpest]] *= -1.0
    return blur


def why_too_few(shots: Sequence[ChartShot], count: int) -> str:
    """Why a photograph has too few parts with room around: strong blur, or a small chart."""
    worst = max(shots, key=lambda shot: shot.blur_px - largest_blur(shot, count))
    most = largest_blur(worst, count)
    scale = worst.reading.geometry.scale(WIDTH / 2, HEIGHT / 2)
    if most < LEAST_BLUR_PX:
        return (
            f"{worst.name}: too little of the chart is in the picture, or it is too small "
            f"({scale:.1f} px per mm of the chart); fill the frame with the chart"
        )
    return (
        f"{worst.name}: blurred by {worst.blur_px:.1f} px, too much for {scale:.1f} px per mm of "
        f"the chart; focus closer to it, for {most} px at most, or give larger pictures"
    )
