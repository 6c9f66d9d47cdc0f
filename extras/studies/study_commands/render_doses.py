"""``defocus-bench studies render-doses``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import FOLDER, json_option
from defocus.command_line.where import on_option
from defocus.progress import counted, tally

if TYPE_CHECKING:  # it imports pydantic
    from defocus.processes.machines import Where


@click.command(name="render-doses")
@click.argument("request", metavar="REQUEST", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=FOLDER,
    help="Folder of the new dataset: new, empty, or an unfinished rendering of the same request.",
)
@click.option(
    "--photographs",
    type=FOLDER,
    help="Sharp photographs, instead of the folder that the request names.",
)
@on_option("Number of scenes rendered at once.")
@json_option()
def command(
    request: Path,
    out: Path,
    photographs: Path | None,
    where: "Where",
    *,
    as_json: bool,
) -> None:
    """Render pairs with doses of misalignment.

    REQUEST is a TOML file with doses_px: scenes of the training stream, each with a sharp picture
    per dose. Run the same command again to continue an interrupted rendering.
    """
    from defocus.datasets.pair import split_counts
    from defocus.extras.studies.dose_dataset.run import render_dosed_dataset

    with json_output() as output:
        pairs = render_dosed_dataset(request, out, photographs, where)
        counts = split_counts(pairs)
        if as_json:
            output.write({"root": str(out), "counts": counts})
    if not as_json:
        click.echo(f"{out}: {counted(len(pairs), 'pair')} ({tally(counts)})")
        click.echo(f"use it with --dataset manifest:{out}")
