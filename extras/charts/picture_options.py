"""Arguments and options of commands that measure a lens with pictures of the chart."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from defocus.command_line.numbers import FiniteRange
from defocus.command_line.options import FILE

F = TypeVar("F", bound=Callable[..., Any])

POSITIVE = FiniteRange(0, min_open=True)
OPTIONS = (
    click.argument("pictures", nargs=-1, required=True, type=FILE),
    click.option(
        "--f-number",
        "f_numbers",
        multiple=True,
        type=POSITIVE,
        metavar="N",
        help="F-number of all pictures, or once for each; by default that in their EXIF data.",
    ),
    click.option(
        "--open-f-number",
        type=POSITIVE,
        metavar="N",
        help="F-number of the fully open lens; by default the smallest of the pictures.",
    ),
    click.option(
        "--sensor-width",
        type=POSITIVE,
        metavar="MM",
        help="Width of the sensor; by default 36, full frame.",
    ),
    click.option(
        "--linear",
        is_flag=True,
        help="Values are proportional to light, as from 'develop --linear'.",
    ),
)


def chart_picture_options(function: F) -> F:
    """The argument PICTURES and what is known of their lens."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function
