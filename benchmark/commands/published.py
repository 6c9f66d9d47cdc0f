"""``defocus-bench published``."""

import click

from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Report")
@click.command()
@click.option(
    "--system", metavar="NAME", help="Show this system only: its published id, or its name here."
)
@click.option("--dataset", metavar="NAME", help="Show this dataset only, such as dpdd or realdof.")
@click.option("--metric", metavar="NAME", help="Show this metric only, such as psnr or params_m.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list on stdout.")
def command(system: str | None, dataset: str | None, metric: str | None, *, as_json: bool) -> None:
    """Show published numbers with their sources.

    A value is shown as printed; multiply it by the scale to get the true value.
    """
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
