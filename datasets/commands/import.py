"""defocus-data import."""  # noqa: N999 - the command's name is a word of Python

from pathlib import Path
from typing import Any

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import jobs_option
from defocus.command_line.verbs import help_heading
from defocus.isolation import say_left_out
from defocus.progress import counted, say

__all__ = ["command"]


@help_heading("Open")
@click.command()
@click.argument("sessions", metavar="SESSION...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the new dataset: new, empty, or an unfinished import of the same sessions.",
)
@jobs_option("Number of pairs imported and measured at once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(sessions: tuple[Path, ...], out: Path, jobs: int, *, as_json: bool) -> int:
    """Import capture sessions or an archive.

    The accepted pairs of each SESSION become one dataset. Pictures are copied as they are; RAW
    files are developed to 16-bit PNG. Pairs are split by scene, and the misalignment of each is
    measured and written to the manifest. An empty split, and a scene of different views, are
    warnings. Run the same command again to continue an interrupted import. SESSION may also be a
    ZIP or tar archive of a dataset; an archive with links, decompression bombs or unsafe names is
    refused as a whole. The exit code is 1 if a pair is left out because it cannot be read.
    """
    if not sessions:
        raise click.UsageError("give a session folder, or several")
    if as_json:
        with json_output() as output:
            done = _imported(sessions, out, jobs)
            output.write({key: value for key, value in done.items() if key != "lines"})
    else:
        done = _imported(sessions, out, jobs)
        for line in done["lines"]:
            click.echo(line)
    return int(bool(done["left_out"]))


def _imported(sessions: tuple[Path, ...], out: Path, jobs: int) -> dict[str, Any]:
    """What was imported, in the keys of ``--json`` and as lines."""
    from defocus.datasets.archives import is_archive, unpack
    from defocus.datasets.deriving.import_session import import_sessions
    from defocus.datasets.pair import split_counts
    from defocus.errors import InputError

    if len(sessions) == 1 and is_archive(sessions[0]):
        files = unpack(sessions[0], out)
        lines = [
            f"{out}: {counted(files, 'file')}",
            f"use it with --dataset READER:{out}; 'defocus-data list' names the readers",
        ]
        return {"root": str(out), "files": files, "left_out": [], "lines": lines}
    for path in sessions:
        if path.is_file():
            raise InputError(
                f"{path}: neither a session folder nor the only archive (.zip, .tar, .tar.gz, "
                ".tar.bz2, .tar.xz)"
            )

    done = import_sessions(sessions, out, jobs)
    counts = split_counts(done.pairs)
    say_left_out(done.left_out, len(done.pairs) + len(done.left_out), "pair")
    for name in done.unknown:
        say(f"pair {name}: its misalignment could not be measured", error=True)
    for remark in done.remarks:
        say(f"warning: {remark}")
    told = ", ".join(f"{number} {split}" for split, number in counts.items())
    return {
        "root": str(out),
        "counts": counts,
        "unknown": list(done.unknown),
        "remarks": list(done.remarks),
        "left_out": [one.to_json() for one in done.left_out],
        "lines": [
            f"{out}: {counted(len(done.pairs), 'pair')} ({told})",
            f"use it with --dataset manifest:{out}",
        ],
    }
