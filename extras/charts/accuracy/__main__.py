"""``python -m defocus.extras.charts.accuracy``: the tables of the measures' errors."""

import click

from defocus.command_line.commands import run_command
from defocus.extras.charts.accuracy.known_lines import line_table
from defocus.extras.charts.accuracy.known_places import place_table
from defocus.extras.charts.accuracy.lenses import lens_table
from defocus.extras.charts.accuracy.table import tables


@click.command(name="python -m defocus.extras.charts.accuracy")
@click.option(
    "--every",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Measure only every N-th edge.",
)
@click.option(
    "--lenses",
    type=click.IntRange(min=1),
    metavar="N",
    help="Fit N simulated lenses instead; a minute each.",
)
@click.option(
    "--first",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Number of the first of these lenses.",
)
@click.option(
    "--places",
    is_flag=True,
    help="Compare the place of blurred charts instead; takes minutes.",
)
@click.option("--lines", is_flag=True, help="Measure straight lines instead.")
def command(
    every: int,
    lenses: int | None,
    first: int,
    *,
    places: bool,
    lines: bool,
) -> None:
    """Compare the measures with analytic truth.

    Edges are blurred by discs, Gaussians and polygons and compared with a second implementation;
    stars and dead leaves are blurred by discs. Takes a minute.
    """
    if places + lines + (lenses is not None) > 1:
        raise click.UsageError("--places, --lines and --lenses are tables; ask for one")
    if places:
        click.echo(place_table())
    elif lines:
        click.echo(line_table())
    elif lenses is not None:
        click.echo(lens_table(range(first, first + lenses)))
    else:
        click.echo(tables(every=every))


if __name__ == "__main__":
    run_command(command)
