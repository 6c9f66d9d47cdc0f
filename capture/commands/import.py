"""The sub-command ``import``."""  # noqa: N999 - the name of the command is a word of Python

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import session_argument
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.capture.arriving.import_request import ImportRequest

MODELS = "defocus.capture.arriving.import_request"


@help_heading("Shoot")
@click.command(name="import", cls=SettingsCommand, models=MODELS)
@session_argument
@click.argument("folder", type=click.Path(path_type=Path), required=False)
def command(session: Path, folder: Path | None, request: "ImportRequest") -> int:
    """Import pairs from a folder or memory card.

    The pictures may come from any cameras; each camera is paired by itself. Two neighbouring shots
    with different apertures that may show one view, by EXIF, time and file number, make a pair; a
    third shot with the first aperture is the anchor. Pairs that look alike belong to one scene.
    Copies, edited copies, videos and shots without a partner are listed. Pictures are copied into
    SESSION with their sidecars and judged like those of 'shoot'; the originals stay. Pictures that
    SESSION already holds are skipped, so the same command continues after an interruption.
    """
    from defocus.capture.arriving.importing import import_pictures, watch_pictures

    if (folder is None) == (request.watched is None):
        raise click.UsageError("give a FOLDER, or --watch FOLDER")
    request = request.model_copy(update={"folder": folder or request.watched})
    if folder is None:
        watch_pictures(session, request)
    return import_pictures(session, request)
