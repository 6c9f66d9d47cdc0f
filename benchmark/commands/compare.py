"""``defocus-bench compare``."""

from pathlib import Path

import click

from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Report")
@click.command()
@click.argument("system")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("defocus-results"),
    show_default=True,
    help="Folder of the study.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list on stdout.")
def command(system: str, out: Path, *, as_json: bool) -> None:
    """Compare SYSTEM with its published numbers.

    Reasons for differences are listed: profile, bit depth, crop, SSIM window, weights, flow, and
    notes on the printed number.
    """
    from defocus.benchmark.published.request import compare_study
    from defocus.command_line.json_output import json_output

    with json_output() as output:
        found = compare_study(out, system)
        if as_json:
            output.write([each.to_json() for each in found])
    if as_json:
        return
    if not found:
        click.echo("no published number has a dataset and metric of this study")
        return
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.benchmark.published.tables import comparison_table

    table, notes = comparison_table(system, found)
    print_tables([table], notes)
