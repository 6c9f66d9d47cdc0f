"""The option ``--plugin FILE``, which every command has, before its sub-command or behind it."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from defocus.extensions import load_plugin

__all__ = ["plugin_option", "with_plugins"]

F = TypeVar("F", bound=Callable[..., Any])

HELP = "Your own Python file of systems, metrics, commands, …; repeatable."
PLUGIN = click.Option(
    ["--plugin", "plugin_files"],
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help=HELP,
)


def _load(_context: click.Context, _option: click.Parameter, paths: tuple[Path, ...]) -> None:
    for path in paths:
        load_plugin(path)


def plugin_option(function: F) -> F:
    """The option of a whole command, which may bring the sub-command that is asked for."""
    return click.option(
        "--plugin",
        type=click.Path(path_type=Path, dir_okay=False),
        multiple=True,
        metavar="FILE",
        expose_value=False,
        is_eager=True,
        callback=_load,
        help=HELP,
    )(function)


def with_plugins(command: click.Command) -> click.Command:
    """Add the option to a command, or to each command of a group, only once."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            with_plugins(member)
    elif not any("--plugin" in one.opts for one in command.params):
        command.params.append(PLUGIN)
        command.callback = _after_plugins(command.callback)
    return command


def _after_plugins(callback: Callable[..., Any] | None) -> Callable[..., Any]:
    @functools.wraps(callback or (lambda: None))
    def called(*arguments: Any, plugin_files: tuple[Path, ...], **options: Any) -> Any:  # noqa: ANN401 - whatever a command has
        for path in plugin_files:
            load_plugin(path)
        return None if callback is None else callback(*arguments, **options)

    return called
