"""The sub-command ``import``."""  # noqa: N999 - the name of the command is a word of Python

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import session_argument
from defocus.commandline import FiniteRange

__all__ = ["command"]


@click.command(name="import")
@session_argument
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--watch",
    "watched",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Import pairs while they come into FOLDER, until Ctrl-C.",
)
@click.option("--blurry", metavar="F", help="Wide aperture, where there are more than two.")
@click.option("--sharp", metavar="F", help="Narrow aperture, where there are more than two.")
@click.option("--scene", metavar="NAME", help="One name for all; scenes are numbered if not given.")
@click.option(
    "--gap",
    "gap_seconds",
    type=FiniteRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest pause between the shots of a pair.",
)
@click.option(
    "--scene-gap",
    "scene_gap_seconds",
    type=FiniteRange(min=0),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="A longer pause between two pairs begins a new scene.",
)
@click.option(
    "--settled-after",
    "settled_seconds",
    type=FiniteRange(min=0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="With --watch: pair what is there once nothing has come for so long.",
)
@click.option("--json-lines", is_flag=True, help="Print every journal line on stdout.")
def command(
    session: Path,
    folder: Path | None,
    watched: Path | None,
    settled_seconds: float,
    json_lines: bool,
    **options: Any,  # noqa: ANN401 - click's options
) -> int:
    """Make pairs of the pictures in FOLDER, a memory card's say, and bring them into SESSION.

    Any camera will do. Neighbours of two apertures, by their EXIF and time, make a pair; a third
    shot like the first is its anchor. Pictures are copied and judged like those of 'shoot', and
    stay where they are. What is in SESSION already is passed over, so the same command goes on
    after an interruption.
    """
    from defocus.capture.arriving.importer import ImportRequest
    from defocus.capture.arriving.importing import import_pictures, watch_pictures

    if (folder is None) == (watched is None):
        raise click.UsageError("give a FOLDER, or --watch FOLDER")
    if watched is not None:
        request = ImportRequest(watched, **options)
        watch_pictures(session, request, settled_seconds=settled_seconds, json_lines=json_lines)
    assert folder is not None  # noqa: S101 - watching ends by interruption alone
    return import_pictures(session, ImportRequest(folder, **options), json_lines=json_lines)
