"""defocus-data import."""  # noqa: N999 - the command's name is a word of Python

from pathlib import Path

import click

from defocus.command_line.jobs_option import jobs_option
from defocus.isolation import say_left_out
from defocus.progress import counted

__all__ = ["command"]


@click.command()
@click.argument("session", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the new dataset: new, empty, or an unfinished import of the same session.",
)
@jobs_option("Number of pairs imported and measured at once.")
def command(session: Path, out: Path, jobs: int) -> int:
    """Import a capture session or an archive.

    The accepted pairs of SESSION become a dataset. Pictures are copied as they are; RAW files are
    developed to 16-bit PNG. Pairs are split by scene, and the misalignment of each is measured and
    written to the manifest. Run the same command again to continue an interrupted import. SESSION
    may also be a ZIP or tar archive of a dataset; an archive with links, decompression bombs or
    unsafe names is refused as a whole. The exit code is 1 if a pair is left out because it cannot
    be read.
    """
    from defocus.datasets.archives.unpack import is_archive, unpack
    from defocus.datasets.deriving.import_session import import_session
    from defocus.errors import InputError

    if is_archive(session):
        click.echo(f"{out}: {counted(unpack(session, out), 'file')}")
        click.echo(f"use it with --dataset READER:{out}; 'defocus-data list' names the readers")
        return 0
    if session.is_file():
        raise InputError(
            f"{session}: neither a session folder nor an archive (.zip, .tar, .tar.gz, .tar.bz2, "
            ".tar.xz)"
        )

    done = import_session(session, out, jobs)
    counts = ", ".join(
        f"{sum(pair.split == split for pair in done.pairs)} {split}"
        for split in ("train", "validation", "test")
    )
    click.echo(f"{out}: {counted(len(done.pairs), 'pair')} ({counts})")
    say_left_out(done.left_out, len(done.pairs) + len(done.left_out), "pair")
    for name in done.unknown:
        click.echo(f"pair {name}: its misalignment could not be measured", err=True)
    if len({pair.scene for pair in done.pairs}) == 1:
        click.echo(
            "one scene cannot be split, so it is for testing; to train, shoot more scenes",
            err=True,
        )
    click.echo(f"use it with --dataset manifest:{out}")
    return int(bool(done.left_out))
