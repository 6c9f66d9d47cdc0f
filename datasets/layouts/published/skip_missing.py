"""The option ``--skip-missing``: pairs of a copy that lack a partner are left out.

It is kept in the environment, so that the processes of parallel work and of submitted jobs know it.
"""

import os

import click

__all__ = ["VARIABLE", "skips_missing", "with_skip_missing"]

VARIABLE = "DEFOCUS_SKIP_MISSING"

_DATASETS = frozenset({"dataset", "datasets", "test_datasets", "tests"})
"""Parameters of commands that open a dataset; 'resume' opens that of an earlier command."""


def skips_missing() -> bool:
    """Whether pairs without a partner are left out instead of refused."""
    return os.environ.get(VARIABLE) == "1"


def _set(_context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        os.environ[VARIABLE] = "1"


OPTION = click.Option(
    ["--skip-missing"],
    is_flag=True,
    expose_value=False,
    callback=_set,
    help="Leave out, by name, pairs that lack a picture.",
)


def with_skip_missing(command: click.Command) -> click.Command:
    """Add the option to a command, or to each command of a group, that opens a dataset."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            with_skip_missing(member)
    elif OPTION not in command.params and (
        command.name == "resume" or any(one.name in _DATASETS for one in command.params)
    ):
        command.params.append(OPTION)
    return command
