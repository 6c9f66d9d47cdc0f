"""What is known of the lens of pictures of the chart, as options; it imports nothing heavy."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from defocus.settings import CommandSettings, option

Positive = Annotated[float, Field(gt=0)]

LINEAR = option(
    False,
    "--linear",
    text="Values are proportional to light, as from 'develop --linear'.",
)


class ChartPictures(CommandSettings):
    """Options of commands that measure a lens with pictures of the chart."""

    f_numbers: tuple[Positive, ...] = option((), "--f-number N")
    """F-number of all pictures, or once for each; by default that in their EXIF data."""
    open_f_number: Positive | None = option(None, "--open-f-number N")
    """F-number of the fully open lens; by default the smallest of the pictures."""
    sensor_width: Positive | None = option(None, "--sensor-width MM")
    """Width of the sensor; by default 36, full frame."""
    linear: bool = LINEAR


class LensSettings(ChartPictures):
    """Options of ``chart lens``."""

    out: Path = option(..., "--out")
    """Lens file to write, JSON; a page of the same name, .html, is written next to it."""
