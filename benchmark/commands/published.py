"""``defocus-bench published``."""

from pathlib import Path

import click

from defocus.command_line.options import FOLDER, json_option
from defocus.command_line.verbs import help_heading


@help_heading("Report")
@click.command()
@click.argument("system", required=False)
@click.option(
    "--against",
    type=FOLDER,
    metavar="STUDY",
    help="Compare what this study has of SYSTEM with the published numbers.",
)
@click.option("--dataset", metavar="NAME", help="Show this dataset only, such as dpdd or realdof.")
@click.option("--metric", metavar="NAME", help="Show this metric only, such as psnr or params_m.")
@json_option("list")
def command(
    system: str | None,
    against: Path | None,
    dataset: str | None,
    metric: str | None,
    *,
    as_json: bool,
) -> None:
    """Show published numbers with their sources.

    SYSTEM is a published id, or a name here; without it all are shown. A value is shown as printed;
    multiply it by the scale to get the true value.

    With --against, reasons for differences are listed: profile, bit depth, crop, SSIM window,
    weights, flow, and notes on the printed number.
    """
    if against is not None:
        if system is None or dataset or metric:
            raise click.UsageError("--against compares all numbers of one SYSTEM")
        _compare(system, against, as_json=as_json)
        return
    from defocus.benchmark.published.numbers import select_published
    from defocus.command_line.json_output import json_output
    from defocus.progress import say

    with json_output() as output:
        rows = select_published(system, dataset, metric)
        if as_json:
            output.write([row.to_json() for row in rows])
    if not rows:
        say("no known published number matches")
    if rows and not as_json:
        from defocus.benchmark.leaderboard.terminal import print_tables
        from defocus.benchmark.published.tables import published_tables

        print_tables(*published_tables(rows))


def _compare(system: str, study: Path, *, as_json: bool) -> None:
    from defocus.benchmark.published.tables import compare_study
    from defocus.command_line.json_output import json_output

    with json_output() as output:
        comparisons = compare_study(study, system)
        if as_json:
            output.write([each.to_json() for each in comparisons])
    if as_json:
        return
    if not comparisons:
        click.echo("no published number has a dataset and metric of this study")
        return
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.benchmark.published.tables import comparison_table

    table, notes = comparison_table(system, comparisons)
    print_tables([table], notes)
