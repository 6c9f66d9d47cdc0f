"""Settings of the commands of the chart, as typed. It imports nothing heavy."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from defocus.command_line.options import Folder
from defocus.command_line.where import where_field
from defocus.extras.charts.picture_options import LINEAR
from defocus.processes.machines import Where
from defocus.settings import CommandSettings, option

BLURS = "2,4,8,16"
SYSTEMS = "wiener,defocus-m"


class TargetsSettings(CommandSettings):
    """Options of ``chart targets``."""

    out: Path = option(..., "--out FILE")
    """PDF or SVG file to write."""


class PrintSettings(TargetsSettings):
    """Options of ``chart print``."""

    layout: Literal["wall", "depths"] = option("wall", "--layout")
    """wall: for a flat wall. depths: five columns alike, for a board turned away from the camera,
    so that one shot holds many circles of confusion."""
    paper: Literal["a3", "a4", "letter"] = option("a3", "--paper")
    """Size of the paper, landscape."""
    dpi: Annotated[int, Field(ge=72, le=9600)] = option(600, "--dpi")
    """Resolution of the printer; one too coarse for the finest detail is refused."""


class ReadSettings(CommandSettings):
    """Options of ``chart read``."""

    linear: bool = LINEAR
    as_json: bool = option(False, "--json")
    """Print one JSON list with every number."""


class MtfSettings(CommandSettings):
    """Options of ``chart mtf``."""

    region: str | None = option(None, "--region X,Y,W,H")
    """Left, top, width and height of the region with the edge, px.  [default: all]"""
    linear: bool = LINEAR
    as_json: bool = option(False, "--json")
    """Print one JSON object with the curve."""


class MeasureSettings(CommandSettings):
    """Options of ``chart measure``."""

    systems: tuple[str, ...] = option(
        (),
        "--systems NAME,NAME",
        text="Systems, with the weights that come with the package where they need any.  "
        f"[default: {SYSTEMS}; with --out those of the study; repeatable]",
    )
    blur: str | None = option(
        None,
        "--blur PX,PX",
        text=f"Circles of confusion of the simulated photographs.  [default: {BLURS}]",
    )
    linear: bool = option(False, "--linear")
    """Values of PICTURES are proportional to light, as from 'develop --linear'."""
    out: Folder | None = option(None, "--out STUDY")
    """Keep the numbers in this study; its report shows them."""
    where: Where = where_field(1, "Number of systems measured at once.")
    as_json: bool = option(False, "--json")
    """Print one JSON list instead of the table."""
