"""Options that say how far and by what pairs may have moved."""

import click

from defocus.command_line.commands import FiniteRange

__all__ = ["at_most_option", "largest_shift_option"]

at_most_option = click.option(
    "--at-most",
    "at_most",
    type=click.Choice(["translation", "similarity", "affine", "homography"]),
    help="Richest model of the global transform (default homography). A tripod and one lens leave "
    "no more than a similarity.",
)
largest_shift_option = click.option(
    "--largest-shift",
    "largest_px",
    type=FiniteRange(0, min_open=True),
    help="Largest shift of any point in px, if you know it. Textures that repeat at a larger "
    "distance can then be measured; a result that moves a corner farther is unknown. Too small a "
    "number gives a wrong shift.",
)
