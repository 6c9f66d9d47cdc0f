"""Options that others bring to a command of ours.

The module ``bench_status`` in the folder ``options`` of an extra, or the entry point of that name
of the group ``defocus.options``, holds those of ``defocus-bench status``; ``restore`` holds those
of the program ``defocus-restore``.
"""

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from defocus.discovery import brought, values_of, warn_once

__all__ = ["AddedOptions", "with_added_options"]


@dataclass(frozen=True)
class AddedOptions:
    """Options of a command, and what they do.

    Attributes:
        options: The options.
        run: Called in place of the command: with what the command does, which takes its own
            parameters, and with all parameters by name.
        heading: Of the options in ``--help``, where those of the command have headings.
    """

    options: tuple[click.Option, ...]
    run: Callable[..., object]
    heading: str = ""


def with_added_options(name: str, command: click.Command) -> click.Command:
    """A command with the options that are brought to it; the given one stays what it is.

    Args:
        name: Of the program and the command, such as ``bench-status``.
        command: A command, no group.
    """
    for offer in brought("options"):
        if offer.name.replace("_", "-") != name:
            continue
        loaded = offer.load()
        found = values_of(loaded, AddedOptions)
        if loaded is not None and not found:
            warn_once(f"{offer.origin} has no AddedOptions and is left out; mend or remove it")
        for added in found:
            command = _extended(command, added)
    return command


def _extended(command: click.Command, added: AddedOptions) -> click.Command:
    extended = copy.copy(command)
    extended.params = [*command.params, *added.options]
    own = command.callback
    if own is not None:
        extended.callback = functools.wraps(own)(functools.partial(added.run, own))
    sections: dict[str, Any] = dict(vars(command).get("sections", {}))
    if sections and added.heading:
        names = [one.opts[0] for one in added.options]
        sections[added.heading] = (*sections.get(added.heading, ()), *names)
        vars(extended)["sections"] = sections
    return extended
