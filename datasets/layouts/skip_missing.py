"""The option ``--skip-missing``, kept in the environment for parallel work and submitted jobs."""

import os
from collections.abc import Iterable
from itertools import filterfalse
from pathlib import Path, PurePosixPath

import click

from defocus.datasets.pair import Pair
from defocus.errors import DatasetError
from defocus.progress import say, several

VARIABLE = "DEFOCUS_SKIP_MISSING"

_DATASETS = frozenset({"dataset", "datasets", "test_datasets", "tests"})
"""Parameters of commands that open a dataset."""


def skips_missing() -> bool:
    """Whether pairs without a partner are left out instead of refused."""
    return os.environ.get(VARIABLE) == "1"


def missing_text(names: Iterable[str], where: Path | None = None) -> str:
    """What is missing below ``where``: one file by its whole path, several in groups by folder."""
    folders: dict[PurePosixPath, list[str]] = {}
    files = list(names)
    for name in files:
        folders.setdefault(PurePosixPath(name).parent, []).append(
            PurePosixPath(name).name
        )
    if len(files) == 1:
        return f"{files[0] if where is None else where / files[0]}: missing"
    groups = [f"{folder / several(inside)}" for folder, inside in folders.items()]
    start = "" if where is None else f"{where}: "
    return f"{start}{len(files)} pictures missing: {'; '.join(groups)}"


def whole_pairs(pairs: Iterable[Pair], dataset: str) -> tuple[Pair, ...]:
    """The pairs that a list names, without those that are left out for a missing picture."""
    whole: list[Pair] = []
    missing: dict[str, None] = {}
    for pair in pairs:
        members = filter(None, (pair.blurry, pair.sharp))
        lacking = list(filterfalse(Path.is_file, members))
        if not lacking:
            whole.append(pair)
        elif skips_missing():
            say(f"the pair {pair.id} is left out: {lacking[0]} is missing")
        missing |= dict.fromkeys(map(Path.as_posix, lacking))
    if missing and not skips_missing():
        raise DatasetError(
            f"{missing_text(missing)}; complete the download ('defocus-data list {dataset}' names "
            "all that is missing), or leave such pairs out with --skip-missing"
        )
    if not whole:
        raise DatasetError(f"{dataset}: no pair is complete; complete the download")
    return tuple(whole)


def _set(_context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        os.environ[VARIABLE] = "1"


OPTION = click.Option(
    ["--skip-missing"],
    is_flag=True,
    expose_value=False,
    callback=_set,
    help="Leave out pairs of a dataset that lack a picture, and name them.",
)


def with_skip_missing(command: click.Command) -> click.Command:
    """Add the option to a command, or to each command of a group, that opens a dataset."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            with_skip_missing(member)
    elif OPTION not in command.params and any(
        one.name in _DATASETS for one in command.params
    ):
        command.params.append(OPTION)
    return command
