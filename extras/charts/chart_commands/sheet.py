"""``defocus-capture chart print``."""

from pathlib import Path
from typing import Any

import click

from defocus.command_line.numbers import WholeRange
from defocus.command_line.options import FILE, OneOf


@click.command(name="print")
@click.option(
    "--out",
    required=True,
    type=FILE,
    metavar="FILE",
    help="PDF or SVG file to write.",
)
@click.option(
    "--layout",
    type=OneOf(["wall", "depths"]),
    default="wall",
    show_default=True,
    help="wall: for a flat wall. depths: five columns alike, for a board turned away from the "
    "camera, so that one shot holds many circles of confusion.",
)
@click.option(
    "--paper",
    type=OneOf(["a3", "a4", "letter"]),
    default="a3",
    show_default=True,
    help="Size of the paper, landscape.",
)
@click.option(
    "--dpi",
    type=WholeRange(72, 9600),
    default=600,
    show_default=True,
    help="Resolution of the printer; one too coarse for the finest detail is refused.",
)
def command(out: Path, layout: Any, paper: Any, dpi: int) -> None:  # noqa: ANN401 - literals of a module not imported here
    """Write a test chart to print.

    The chart has slanted edges of high and low contrast, stars, dead leaves, text of several sizes,
    grey and colour patches, lines, a grid, a ruler, and a frame of dots that can be found when
    strongly blurred. The file holds vectors only. Print it at 100 % on matt paper, check the ruler,
    and light it evenly.

    'chart read' measures pictures of it.
    """
    from defocus.extras.charts.sheet.layout import make_sheet, paper_name
    from defocus.extras.charts.sheet.svg import write_sheet
    from defocus.progress import say

    write_sheet(out, make_sheet(layout, paper, dpi))
    say(
        f"{out}: {paper_name(paper)}, layout {layout}; print it at 100 %, without 'fit to page'"
    )
