"""Options that several sub-commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["study_options"]

F = TypeVar("F", bound=Callable[..., Any])


def study_options(function: F) -> F:
    """The options that say which study in which folder: out, dataset, budget, settings."""
    options = [
        click.option(
            "--out",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path("defocus-results"),
            show_default=True,
            help="Folder of the study; finished runs in it are not repeated.",
        ),
        click.option(
            "--dataset",
            default="sample",
            show_default=True,
            help="READER:PATH, 'sample' or 'sample:strong'.",
        ),
        click.option(
            "--budget",
            type=click.Choice(["demo", "quick", "paper"]),
            default="demo",
            show_default=True,
            help="How long to train; nothing is ranked under demo and quick.",
        ),
        click.option(
            "--settings",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="TOML file with a table [schedule]: steps, crop_px, batch, learning_rate. "
            "Results count as a custom schedule's then, and nothing is ranked.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function
