"""The sub-command ``import``."""  # noqa: N999 - the name of the command is a word of Python

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import scene_list_option, session_argument
from defocus.command_line.commands import FiniteRange, SectionedCommand
from defocus.command_line.verbs import help_heading

__all__ = ["command"]

SECTIONS = {
    "Pairs": ("--blurry", "--sharp", "--order", "--gap"),
    "Scenes": ("--scene", "--scene-list", "--scene-gap"),
    "Import": ("--watch", "--settled-after", "--json-lines"),
}


@help_heading("Shoot")
@click.command(name="import", cls=SectionedCommand, sections=SECTIONS)
@session_argument
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--watch",
    "watched",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Import pairs as they arrive in FOLDER, until Ctrl-C.",
)
@click.option("--blurry", metavar="F", help="Wide aperture; needed if there are more than two.")
@click.option("--sharp", metavar="F", help="Narrow aperture; needed if there are more than two.")
@click.option(
    "--scene", metavar="NAME", help="One scene name for all pairs; by default scenes are numbered."
)
@scene_list_option
@click.option(
    "--order",
    type=click.Choice(["aba", "sharp-first", "blurry-first"]),
    help="Order of the members in pairs of a lens that tells no aperture; by default, the longer "
    "exposure is the sharp one. aba is sharp, blurry, sharp.",
)
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
    metavar="SECONDS",
    help="A longer pause between two pairs begins a new scene; by default, other pictures do.",
)
@click.option(
    "--settled-after",
    "settled_seconds",
    type=FiniteRange(min=0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="With --watch: make pairs once no file has arrived for this long.",
)
@click.option("--json-lines", is_flag=True, help="Print every journal line on stdout.")
def command(
    session: Path,
    folder: Path | None,
    watched: Path | None,
    settled_seconds: float,
    json_lines: bool,
    scene_list: Path | None,
    **options: Any,  # noqa: ANN401 - click's options
) -> int:
    """Import pairs from a folder or memory card.

    The pictures may come from any cameras; each camera is paired by itself. Two neighbouring shots
    with different apertures that may show one view, by EXIF, time and file number, make a pair; a
    third shot with the first aperture is the anchor. Pairs that look alike are of one scene.
    Copies, edited copies, videos and what makes no pair are named. Pictures are copied into SESSION
    and judged like those of 'shoot'; the originals stay. Pictures that SESSION already holds are
    skipped, so the same command continues after an interruption.
    """
    from defocus.capture.arriving.importer import ImportRequest
    from defocus.capture.arriving.importing import import_pictures, watch_pictures
    from defocus.capture.planning.plan import read_scene_list

    if (folder is None) == (watched is None):
        raise click.UsageError("give a FOLDER, or --watch FOLDER")
    if scene_list is not None and options["scene"] is not None:
        raise click.UsageError("--scene-list has all scenes; drop --scene")
    options["scene_list"] = () if scene_list is None else read_scene_list(scene_list)
    if watched is not None:
        request = ImportRequest(watched, **options)
        watch_pictures(session, request, settled_seconds=settled_seconds, json_lines=json_lines)
    assert folder is not None  # noqa: S101 - watching ends by interruption alone
    return import_pictures(session, ImportRequest(folder, **options), json_lines=json_lines)
