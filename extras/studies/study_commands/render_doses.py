"""``defocus-bench studies render-doses``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.progress import counted, tally

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.studies.options import RenderDosesSettings


@click.command(
    name="render-doses",
    cls=SettingsCommand,
    models="defocus.extras.studies.options",
)
@click.argument("request", metavar="REQUEST", type=click.Path(path_type=Path))
def command(request: Path, settings: "RenderDosesSettings") -> None:
    """Render pairs with doses of misalignment.

    REQUEST is a TOML file with doses_px: scenes of the training stream, each with a sharp picture
    per dose. Run the same command again to continue an interrupted rendering.
    """
    from defocus.datasets.pair import split_counts
    from defocus.extras.studies.dose_dataset.run import render_dosed_dataset

    out = settings.out
    with json_output() as output:
        pairs = render_dosed_dataset(
            request,
            settings.out,
            settings.photographs,
            settings.where,
        )
        counts = split_counts(pairs)
        if settings.as_json:
            output.write({"root": str(out), "counts": counts})
    if not settings.as_json:
        click.echo(f"{out}: {counted(len(pairs), 'pair')} ({tally(counts)})")
        click.echo(f"use it with --dataset manifest:{out}")
