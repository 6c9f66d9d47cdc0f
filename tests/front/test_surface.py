"""What people type and what files hold: a new option or field is seen, and so is a lost one."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel

import defocus.extras
from defocus.baselines.recipe import Recipe
from defocus.benchmark.study.document import Request
from defocus.capture.sessions.additions import line_kinds
from defocus.capture.sessions.replay import _KINDS
from defocus.command_line.options import OPTION_FILES, OPTIONS, PLUGIN
from defocus.command_line.verbs import command_of, commands_of
from defocus.datasets.manifest import Manifest
from defocus.datasets.release.facts import ReleaseFacts
from defocus.datasets.sidecar import Sidecar
from defocus.restoration.command import command as restore

PROGRAMS = {
    "capture": "defocus.capture.commands",
    "data": "defocus.datasets.commands",
    "bench": "defocus.benchmark.commands",
}
EXTRAS = sorted(
    path.parent.name for path in Path(defocus.extras.__path__[0]).glob("*/__init__.py")
)


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """A command, and those below it, each with its words on the command line."""
    yield path, command
    if isinstance(command, click.Group):
        for name, member in sorted(command.commands.items()):
            yield from commands(member, f"{path} {name}")


def lines_of(command: click.Command, path: str) -> list[str]:
    """``PROGRAM COMMAND: ARGUMENTS and options``, a line for each."""
    lines = []
    for words, member in commands(command, path):
        own = [one for one in member.params if one not in (*OPTIONS, PLUGIN)]
        named = ["/".join((*one.opts, *one.secondary_opts)) for one in own]
        lines += [f"{words} {name}" for name in sorted(named)] or [words]
    return lines


def test_every_option_of_the_core(snapshot):
    lines = [f"defocus-* {'/'.join(option.opts)}" for option in (*OPTIONS, PLUGIN)]
    lines += lines_of(restore, "defocus-restore")
    for program, home in PROGRAMS.items():
        for verb, offer in commands_of(program, home).own().items():
            lines += lines_of(command_of(offer), f"defocus-{program} {verb}")
    assert "\n".join(lines) == snapshot


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_option_of_an_extra(extra, snapshot):
    place = f"extra {extra!r} "
    lines = []
    for program, home in PROGRAMS.items():
        for offer in commands_of(program, home).brought():
            if offer.origin.startswith(place):
                lines += lines_of(command_of(offer), f"defocus-{program} {offer.name}")
    for offer in OPTION_FILES.brought():
        if offer.origin.startswith(place):
            for option in OPTION_FILES.thing(offer).options:
                lines.append(f"defocus-{offer.name} {'/'.join(option.opts)}")
    assert "\n".join(lines) == snapshot


def fields_of(kind: Any, path: str, above: tuple[Any, ...] = ()) -> Iterator[str]:
    """The fields of a model, and of the models in them, as they are written in a file."""
    if kind in above:
        yield f"{path}: as above"
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield f"{path}.{field.alias or name}"
            yield from fields_of(
                field.annotation, f"{path}.{field.alias or name}", (*above, kind)
            )
    elif is_dataclass(kind) and isinstance(kind, type):
        for field in fields(kind):
            yield f"{path}.{field.name}"
    else:
        for part in get_args(kind):
            yield from fields_of(part, path, above)


FILES = {
    "manifest.json": Manifest,
    "sidecar": Sidecar,
    "study file": Request,
    "recipe": Recipe,
    "release": ReleaseFacts,
}


@pytest.mark.parametrize("file", FILES)
def test_every_field_of_a_file(file, snapshot):
    assert "\n".join(fields_of(FILES[file], file)) == snapshot


def test_every_field_of_a_journal(snapshot):
    lines = [line for event, kind in _KINDS.items() for line in fields_of(kind, event)]
    assert "\n".join(lines) == snapshot


@pytest.mark.parametrize("event", sorted(line_kinds()))
def test_every_field_of_a_line_of_an_extra(event, snapshot):
    assert "\n".join(fields_of(line_kinds()[event].type, event)) == snapshot


def test_a_new_option_and_a_new_field_are_seen():
    @click.command()
    @click.option("--new/--old")
    @click.argument("place")
    def command(new: bool, place: str) -> None: ...

    assert lines_of(command, "program verb") == [
        "program verb --new/--old",
        "program verb place",
    ]

    class Inner(BaseModel):
        number: int

    class Outer(BaseModel):
        parts: tuple[Inner, ...]
        later: "Outer | None" = None

    assert list(fields_of(Outer, "x")) == [
        "x.parts",
        "x.parts.number",
        "x.later",
        "x.later: as above",
    ]
