"""``defocus-bench export``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Report")
@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@out_option
@click.option(
    "--images", is_flag=True, help="Export the scores of every picture instead of the leaderboard."
)
def command(file: Path, out: Path, *, images: bool) -> None:
    """Export the numbers of a study to FILE.

    FILE ends in .csv, .parquet, .tex or .json.

    Every row holds the versions of its profile, dataset, recipe and scoring code. JSON also holds
    the tracks: ranks with their stability, paired tests, and the differences each dataset can
    resolve.
    """
    from defocus.benchmark.leaderboard.export import export_study
    from defocus.benchmark.results.store import STORE, read_results
    from defocus.progress import counted, say

    with read_results(out / STORE) as results:
        lines = export_study(results, file, images=images)
    say(f"{file}: {counted(lines, 'row')}")
