"""defocus-data import."""  # noqa: N999 - the command's name is a word of Python

from pathlib import Path

import click

from defocus.command_line.jobs_option import jobs_option
from defocus.isolation import say_left_out
from defocus.progress import counted, say

__all__ = ["command"]


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
def command(sessions: tuple[Path, ...], out: Path, jobs: int) -> int:
    """Import capture sessions or an archive.

    The accepted pairs of each SESSION become one dataset. Pictures are copied as they are; RAW
    files are developed to 16-bit PNG. Pairs are split by scene, and the misalignment of each is
    measured and written to the manifest. An empty split, and a scene of different views, are
    warnings. Run the same command again to continue an interrupted import. SESSION may also be a
    ZIP or tar archive of a dataset; an archive with links, decompression bombs or unsafe names is
    refused as a whole. The exit code is 1 if a pair is left out because it cannot be read.
    """
    from defocus.datasets.archives.unpack import is_archive, unpack
    from defocus.datasets.deriving.import_session import import_sessions
    from defocus.errors import InputError

    if not sessions:
        raise click.UsageError("give a session folder, or several")
    if len(sessions) == 1 and is_archive(sessions[0]):
        click.echo(f"{out}: {counted(unpack(sessions[0], out), 'file')}")
        click.echo(f"use it with --dataset READER:{out}; 'defocus-data list' names the readers")
        return 0
    for path in sessions:
        if path.is_file():
            raise InputError(
                f"{path}: neither a session folder nor the only archive (.zip, .tar, .tar.gz, "
                ".tar.bz2, .tar.xz)"
            )

    done = import_sessions(sessions, out, jobs)
    counts = ", ".join(
        f"{sum(pair.split == split for pair in done.pairs)} {split}"
        for split in ("train", "validation", "test")
    )
    click.echo(f"{out}: {counted(len(done.pairs), 'pair')} ({counts})")
    say_left_out(done.left_out, len(done.pairs) + len(done.left_out), "pair")
    for name in done.unknown:
        click.echo(f"pair {name}: its misalignment could not be measured", err=True)
    for remark in done.remarks:
        say(f"warning: {remark}")
    click.echo(f"use it with --dataset manifest:{out}")
    return int(bool(done.left_out))
