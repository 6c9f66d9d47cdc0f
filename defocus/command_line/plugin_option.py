"""The option ``--plugin FILE``, which every command has, before its sub-command or behind it."""

from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

import click

from defocus.extensions import load_plugin

__all__ = ["PLUGIN", "load_named", "with_plugins"]


def _load(_context: click.Context, _option: click.Parameter, paths: tuple[Path, ...]) -> None:
    for path in paths:
        load_plugin(path)


def load_named(words: Iterable[str]) -> None:
    """Load the plug-ins that stand behind a sub-command, which one of them may bring."""
    typed = iter(list(takewhile(lambda word: word != "--", words)))
    for word in typed:
        option, _, file = word.partition("=")
        if option == "--plugin" and (file := file or next(typed, "")):
            load_plugin(file)


PLUGIN = click.Option(
    ["--plugin"],
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    expose_value=False,
    is_eager=True,  # what it brings is known when the other options are read
    callback=_load,
    help="Your own Python file of systems, metrics, commands, …; repeatable.",
)


def with_plugins(command: click.Command) -> click.Command:
    """Add the option to a command, or to each command of a group, only once."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            with_plugins(member)
    elif not any("--plugin" in one.opts for one in command.params):
        command.params.append(PLUGIN)
    return command
