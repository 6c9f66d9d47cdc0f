"""The option ``--plugin FILE``, which every sub-command of a command has."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from defocus.extensions import load_plugin

__all__ = ["with_plugins"]

PLUGIN = click.Option(
    ["--plugin", "plugin_files"],
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Python file with your own systems, losses or metrics; repeatable.",
)


def with_plugins(command: click.Command) -> click.Command:
    """Add the option to a command, or to each command of a group, only once."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            with_plugins(member)
    elif PLUGIN not in command.params:
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
