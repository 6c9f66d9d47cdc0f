"""How the pairs of a session are developed: options of ``develop``; it imports nothing heavy."""

import os
from pathlib import Path
from typing import Literal, Self

import click
from pydantic import model_validator

from defocus.command_line.where import where_field
from defocus.errors import InputError
from defocus.processes.machines import Where
from defocus.settings import CommandSettings, option


class DevelopOutput(CommandSettings):
    """Where the developed pictures are written."""

    out: Path = option(..., "--out DIR", type=click.Path(path_type=Path))
    """Folder for the pictures: new, or one to continue."""


class DevelopSettings(CommandSettings):
    """Settings of the development; what is not excluded is written with the pictures."""

    linear: bool = option(False, "--linear/--srgb")
    """Write linear values, or values with the sRGB curve.  [default: --srgb]"""
    bits: Literal[8, 16] = option(16, "--bits")
    """Bits per channel."""
    match_exposure: Literal["none", "nominal", "measured"] = option(
        "none", "--match-exposure"
    )
    """Match the exposure of all shots to the sharp one: nominal by the true values of their
    settings, measured by the light of the blurry shot. Applied in linear light."""
    register_by: Literal["none", "report", "warp"] = option(
        "none", "--register", exclude=True
    )
    """Registration of the pictures is left to 'defocus-data align' and 'compensate': none keeps all
    pixels in place."""
    where: Where = where_field(
        os.cpu_count() or 1,
        "Number of pairs developed at once; each takes about 1 GB at 30 megapixels; by default "
        "one per core.",
        exclude=True,
        show_default=False,
    )
    dual_pixel: bool = option(False, "--dual-pixel")
    """Experimental: also develop the second frame of dual-pixel RAW files."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.linear and self.bits == 8 and self.register_by == "none":
            raise InputError(
                "8 bits of linear light show steps in the shadows; leave out --bits 8"
            )
        return self
