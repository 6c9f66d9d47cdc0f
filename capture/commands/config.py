"""The sub-command ``config``."""

from contextlib import nullcontext
from pathlib import Path

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import json_option
from defocus.command_line.verbs import VerbGroup, help_heading

camera_option = click.option(
    "--camera",
    "uri",
    required=True,
    metavar="URI",
    help="Address of the camera, such as gphoto2: or sim:?seed=1; see 'cameras --help'.",
)


@help_heading("Prepare")
@click.group(name="config", cls=VerbGroup)
def command() -> None:
    """Read and change the settings of a camera.

    Names and values are the camera's own.

    Unlike the settings of 'shoot', these changes stay when the camera is closed.
    """


@command.command(name="list")
@camera_option
@json_option()
def list_command(uri: str, as_json: bool) -> None:
    """Print every setting with its choices."""
    from dataclasses import asdict

    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import words_of

    with json_output() if as_json else nullcontext() as out, open_camera(uri) as camera:
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


@command.command(name="get")
@camera_option
@click.argument("name")
def get_command(uri: str, name: str) -> None:
    """Print the value of one setting.

    NAME is a name from 'config list', or aperture, shutter or iso."""
    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import word_named, words_of

    with open_camera(uri) as camera:
        click.echo(words_of(camera)[word_named(camera, name)].value)


@command.command(name="set")
@camera_option
@click.argument("assignment", metavar="NAME=VALUE")
def set_command(uri: str, assignment: str) -> None:
    """Change one setting and print its new value."""
    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import configured

    name, equals, value = assignment.partition("=")
    if not equals:
        raise click.UsageError(f"'{assignment}': write NAME=VALUE")
    with open_camera(uri) as camera:
        word, got = configured(camera, name, value)
    click.echo(f"{word} = {got}")


@command.command(name="dump")
@camera_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE."
)
def dump_command(uri: str, out: Path | None) -> None:
    """Print all settings as JSON.

    'config restore' reads the file."""
    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import dump_of
    from defocus.storage.files import write_json

    with json_output() as printed, open_camera(uri) as camera:
        document = dump_of(camera)
        if out is None:
            printed.write(document)
        else:
            write_json(out, document)


@command.command(name="restore")
@camera_option
@click.argument("file", type=click.Path(path_type=Path))
def restore_command(uri: str, file: Path) -> int:
    """Restore the settings saved in FILE.

    'config dump' writes FILE. Only settings that differ are changed.

    The exit code is 1 if a setting could not be changed.
    """
    from defocus.capture.links.back_ends import open_camera
    from defocus.capture.links.camera_words import read_dump, restore
    from defocus.progress import say

    dump = read_dump(file)
    with open_camera(uri) as camera:
        changes, failed = restore(camera, dump)
    for word, value in changes.items():
        click.echo(f"{word} = {value}")
    for word, reason in failed.items():
        say(f"{word}: {reason}")
    return int(bool(failed))
