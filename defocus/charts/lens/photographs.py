"""Photographs of the chart, read from files for the fit of a lens."""

from collections.abc import Sequence
from pathlib import Path

from defocus.charts.lens.probes import ChartShot
from defocus.charts.light import linear_picture
from defocus.charts.reading.read import read_chart
from defocus.errors import ImageError
from defocus.progress import track

__all__ = ["chart_shots"]


def chart_shots(
    pictures: Sequence[Path], f_numbers: Sequence[float], *, linear: bool = False
) -> list[ChartShot]:
    """Read photographs of the chart.

    Args:
        pictures: Files of one size.
        f_numbers: F-number of each.
        linear: Whether values are proportional to light already, instead of sRGB-encoded.

    Raises:
        ImageError: A file cannot be read, has no chart, or has another size than the first one.
    """
    shots: list[ChartShot] = []
    for picture, f_number in track(list(zip(pictures, f_numbers, strict=True)), "reading charts"):
        light = linear_picture(picture, linear=linear)
        if shots and light.shape != shots[0].light.shape:
            raise ImageError(f"{picture}: has another size than {pictures[0]}; give pictures alike")
        reading = read_chart(light)
        if reading is None:
            raise ImageError(f"{picture}: no chart found; fill the frame with it, in even light")
        shots.append(ChartShot(light, reading, f_number))
    return shots
