"""defocus-data import."""  # noqa: N999 - the command's name is a word of Python

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import USE_IT, counts_line, print_made
from defocus.processes.isolation import say_left_out
from defocus.progress import counted, say
from defocus.reading import Json

if TYPE_CHECKING:  # it imports pydantic
    from defocus.datasets.commands._settings import ImportSettings


@help_heading("Open")
@click.command(cls=SettingsCommand)
@click.argument(
    "sessions", metavar="SESSION...", nargs=-1, type=click.Path(path_type=Path)
)
def command(sessions: tuple[Path, ...], settings: "ImportSettings") -> int:
    """Import capture sessions or an archive.

    The accepted pairs of each SESSION become one dataset. Pictures are copied as they are; RAW
    files are developed to 16 bits. Pairs are split by scene, and the misalignment of each is
    measured and written to the manifest. An empty split, and a scene of different views, are
    warnings. Run the same command again to continue an interrupted import. SESSION may also be a
    ZIP or tar archive of a dataset; an archive with links, decompression bombs or unsafe names is
    refused as a whole. The exit code is 1 if a pair is left out because it cannot be read.
    """
    if not sessions:
        raise click.UsageError("give a session folder, or several")
    return print_made(
        lambda: _imported(sessions, settings), _lines, as_json=settings.as_json
    )


def _lines(document: Json) -> tuple[str, str]:
    if "files" in document:
        root = document["root"]
        use = f"use it with --dataset READER:{root}; 'defocus-data list' names the readers"
        return f"{root}: {counted(document['files'], 'file')}", use
    return counts_line(document), USE_IT.format(document["root"])


def _imported(sessions: tuple[Path, ...], settings: "ImportSettings") -> Json:
    """The result of the import, in the keys of ``--json``."""
    from defocus.datasets.archives import is_archive, unpack
    from defocus.datasets.deriving.import_session import import_sessions
    from defocus.datasets.pair import split_counts
    from defocus.errors import InputError

    out = settings.out
    if len(sessions) == 1 and is_archive(sessions[0]):
        files = unpack(sessions[0], out)
        return {"root": str(out), "files": files, "left_out": []}
    for path in sessions:
        if path.is_file():
            raise InputError(
                f"{path}: neither a session folder nor the only archive (.zip, .tar, .tar.gz, "
                ".tar.bz2, .tar.xz)"
            )

    dataset = import_sessions(sessions, out, settings.where)
    say_left_out(dataset.left_out, len(dataset.pairs) + len(dataset.left_out), "pair")
    for pair in dataset.unknown:
        text = f"pair {pair.id}: its misalignment could not be measured: {pair.reason}"
        say(text, error=True)
    for remark in dataset.remarks:
        say(f"warning: {remark}")
    return {
        "root": str(out),
        "counts": split_counts(dataset.pairs),
        "unknown": [pair.id for pair in dataset.unknown],
        "remarks": list(dataset.remarks),
        "left_out": documents_of(dataset.left_out),
    }
