"""Options of ``export-weights``."""

from pathlib import Path
from typing import Annotated, Literal

import click
from pydantic import Field

from defocus.settings import JSON, CommandSettings, option


class ExportSettings(CommandSettings):
    """What is written, and of which weights."""

    target: Literal["onnx", "dtmodel", "hub"] = option(..., "--to")
    """onnx: one file for ONNX Runtime. dtmodel: a package for darktable's neural restore. hub: a
    folder for Hugging Face."""
    out: Path = option(..., "--out", type=click.Path(path_type=Path))
    """File for onnx; folder for dtmodel and hub."""
    weights: str | None = option(None, "--weights LABEL_OR_FILE")
    """Weights to export; by default those that the package ships."""
    tile: Annotated[int, Field(ge=64)] | None = option(None, "--tile PX")
    """Make a graph for squares of this side only. By default, an ONNX file takes any size if the
    network allows it, and a package for darktable 512 px."""
    as_json: bool = JSON
