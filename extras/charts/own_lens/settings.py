"""Options of ``chart my-lens``."""

from pathlib import Path

import click

from defocus.baselines.systems import DEFAULT_SYSTEM
from defocus.command_line.options import Folder
from defocus.extras.charts.picture_options import ChartPictures, Positive
from defocus.settings import JSON, option


class OwnLensSettings(ChartPictures):
    """The pictures, the training of a network for their lens, and the folder of its result."""

    minutes: Positive = option(
        60.0,
        "--minutes",
        heading="Training",
    )
    """Minutes of training on a GPU, or on all cores. Processor time is counted, so a busy
    computer takes longer."""
    photographs: Path | None = option(
        None,
        "--photographs FOLDER",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
    )
    """Sharp photographs for the training; without them, procedural textures alone."""
    baseline: str = option(DEFAULT_SYSTEM, "--baseline NAME")
    """Network to fine-tune."""
    weights: str = option("own", "--weights LABEL_OR_FILE")
    """Weights that the training begins with."""
    out: Folder = option(Path("lens"), "--out", heading="Output")
    """Folder of the result, named after the lens; run the same command again to continue."""
    as_json: bool = JSON
