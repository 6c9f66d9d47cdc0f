"""The sub-command ``config``."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import VerbGroup, help_heading

if TYPE_CHECKING:
    from defocus.capture.commands._settings import (
        ConfigDumpSettings,
        ConfigListSettings,
        ConfigSettings,
    )


@help_heading("Prepare")
@click.group(name="config", cls=VerbGroup)
def command() -> None:
    """Read and change the settings of a camera.

    Names and values are the camera's own.

    Unlike the settings of 'shoot', these changes stay when the camera is closed.
    """


@command.command(name="list", cls=SettingsCommand)
def list_command(settings: "ConfigListSettings") -> None:
    """Print every setting with its choices."""
    from dataclasses import asdict

    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import words_of

    printed = json_output() if settings.as_json else nullcontext()
    with printed as out, open_camera(settings.uri) as camera:
        words = words_of(camera)
        if out is not None:
            out.write({name: asdict(word) for name, word in words.items()})
            return
        for name, word in words.items():
            can_be = ", ".join(word.choices)
            if word.span is not None:
                can_be = f"{word.span[0]:g} to {word.span[1]:g}"
            locked = "  (read-only)" if word.read_only else ""
            click.echo(
                f"{name} = {word.value}{locked}" + (f"  [{can_be}]" if can_be else "")
            )


@command.command(name="get", cls=SettingsCommand)
@click.argument("name")
def get_command(name: str, settings: "ConfigSettings") -> None:
    """Print the value of one setting.

    NAME is a name from 'config list', or aperture, shutter or iso."""
    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import word_named, words_of

    with open_camera(settings.uri) as camera:
        click.echo(words_of(camera)[word_named(camera, name)].value)


@command.command(name="set", cls=SettingsCommand)
@click.argument("assignment", metavar="NAME=VALUE")
def set_command(assignment: str, settings: "ConfigSettings") -> None:
    """Change one setting and print its new value."""
    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import configured

    name, equals, value = assignment.partition("=")
    if not equals:
        raise click.UsageError(f"'{assignment}': write NAME=VALUE")
    with open_camera(settings.uri) as camera:
        word, got = configured(camera, name, value)
    click.echo(f"{word} = {got}")


@command.command(name="dump", cls=SettingsCommand)
def dump_command(settings: "ConfigDumpSettings") -> None:
    """Print all settings as JSON.

    'config restore' reads the file."""
    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import dump_of
    from defocus.storage.files import write_json

    with json_output() as printed, open_camera(settings.uri) as camera:
        document = dump_of(camera)
        if settings.out is None:
            printed.write(document)
        else:
            write_json(settings.out, document)


@command.command(name="restore", cls=SettingsCommand)
@click.argument("file", type=click.Path(path_type=Path))
def restore_command(file: Path, settings: "ConfigSettings") -> int:
    """Restore the settings saved in FILE.

    'config dump' writes FILE. Only settings that differ are changed.

    The exit code is 1 if a setting could not be changed.
    """
    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import read_dump, restore
    from defocus.progress import say

    dump = read_dump(file)
    with open_camera(settings.uri) as camera:
        changes, failed = restore(camera, dump)
    for word, value in changes.items():
        click.echo(f"{word} = {value}")
    for word, reason in failed.items():
        say(f"{word}: {reason}")
    return int(bool(failed))
