"""Options that several sub-commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

MEASURED_STUDY_SECTIONS = {
    "Study": ("--dataset", "--budget", "--settings", "--seeds", "--out"),
    "Output": ("--dry-run", "--json"),
}
"""Headings of the options of :func:`measured_study_options`."""

F = TypeVar("F", bound=Callable[..., Any])


def out_option(function: F) -> F:
    """The option that says which folder a study is in."""
    return _out_option("defocus-results", "Folder of the study.")(function)


def _out_option(folder: str, meaning: str) -> Callable[[F], F]:
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(folder),
        show_default=True,
        help=meaning,
    )


def again_option(function: F) -> F:
    """The option that repeats finished trainings."""
    return click.option(
        "--again",
        is_flag=True,
        help="Repeat finished trainings; the old ones are kept aside in the folders of the runs.",
    )(function)


def from_option(function: F) -> F:
    """The option that trains on from given weights."""
    return click.option(
        "--from",
        "start",
        metavar="WEIGHTS",
        help="Weights that the training starts from instead of random ones: 'own' (shipped with "
        "the package), a label of 'weights list', or a file. Results are not ranked.",
    )(function)


def workers_option(function: F) -> F:
    """The option that says how many processes make batches."""
    return click.option(
        "--workers",
        type=click.IntRange(min=0),
        metavar="N",
        show_default="cores - 1; 0 for under 500 steps",
        help="Processes that make batches ahead of each training; 0 makes them in the training's "
        "own. Results do not depend on it.",
    )(function)


def dry_run_option(function: F) -> F:
    """The option that only prints the plan."""
    return click.option(
        "--dry-run", is_flag=True, help="Print the plan and its estimated cost, then exit."
    )(function)


def keep_outputs_option(function: F) -> F:
    """The option that keeps restored pictures."""
    return click.option(
        "--keep-outputs",
        is_flag=True,
        help="Keep restored pictures, losslessly, so that later metrics need no network. Their "
        "size is printed first.",
    )(function)


def launcher_option(function: F) -> F:
    """The option that says where runs are carried out."""
    return click.option(
        "--launcher",
        type=click.Choice(["here", "local", "slurm"]),
        default="here",
        show_default=True,
        help="Where to run: here = in this process; local = one process per GPU of this computer; "
        "slurm = one job per run, saved and queued again at its time limit.",
    )(function)


def study_options(
    *, several_datasets: bool = False, folder: str = "defocus-results"
) -> Callable[[F], F]:
    """The options that say which study in which folder: out, dataset, budget, settings."""
    options = [
        click.option(
            "--dataset",
            multiple=several_datasets,
            default=("sample",) if several_datasets else "sample",
            show_default="sample",
            help="Dataset as READER:PATH, 'sample' or 'sample:strong'"
            + ("; repeatable." if several_datasets else "."),
        ),
        click.option(
            "--budget",
            type=click.Choice(["demo", "quick", "paper", "own"]),
            default="demo",
            show_default=True,
            help="Length of training; own is the long training of defocus-s and defocus-m. "
            "Systems are ranked with paper only.",
        ),
        click.option(
            "--settings",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="TOML file with the tables [schedule] (steps, crop_px, batch, learning_rate) and "
            "[training] (precision, accumulate, average and others). If it changes results, "
            "they are marked as a custom schedule and not ranked.",
        ),
    ]

    def with_options(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        meaning = "Folder of the study; finished runs in it are not repeated."
        return _out_option(folder, meaning)(function)

    return with_options


def measured_study_options(folder: str) -> Callable[[F], F]:
    """The options of a study that measures one thing, whose rows have a folder of their own."""
    seeds = click.option(
        "--seeds",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Number of seeds for each training.",
    )
    as_json = click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object on stdout."
    )

    def with_options(function: F) -> F:
        return study_options(folder=folder)(seeds(dry_run_option(as_json(function))))

    return with_options
