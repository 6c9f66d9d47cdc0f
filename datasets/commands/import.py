"""defocus-data import."""  # noqa: N999 - the command's name is a word of Python

from pathlib import Path

import click

from defocus.progress import counted

__all__ = ["command"]


@click.command()
@click.argument("session", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the new dataset: absent, empty, or a half-done import of the same session.",
)
def command(session: Path, out: Path) -> None:
    """Make a dataset of the accepted pairs of SESSION, or unpack the archive of one.

    Pictures are copied as they are, RAW files developed to 16-bit PNG. Pairs are split by scene,
    and the misalignment of each is measured and written into the manifest. An interrupted import
    goes on when the same command is given again. A ZIP or tar file is unpacked, all of it or, where
    it holds links, bombs or names that lead elsewhere, nothing.
    """
    from defocus.datasets.archives.unpack import is_archive, unpack
    from defocus.datasets.deriving.import_session import import_session
    from defocus.errors import InputError

    if is_archive(session):
        click.echo(f"{out}: {counted(unpack(session, out), 'file')}")
        click.echo(f"use it with --dataset READER:{out}; 'defocus-data list' names the readers")
        return
    if session.is_file():
        raise InputError(
            f"{session}: neither a session folder nor an archive (.zip, .tar, .tar.gz, .tar.bz2, "
            ".tar.xz)"
        )

    done = import_session(session, out)
    counts = ", ".join(
        f"{sum(pair.split == split for pair in done.pairs)} {split}"
        for split in ("train", "validation", "test")
    )
    click.echo(f"{out}: {counted(len(done.pairs), 'pair')} ({counts})")
    for name in done.unknown:
        click.echo(f"pair {name}: its misalignment could not be measured", err=True)
    if len({pair.scene for pair in done.pairs}) == 1:
        click.echo(
            "one scene alone cannot be split, it is for testing; to train, shoot more scenes",
            err=True,
        )
    click.echo(f"use it with --dataset manifest:{out}")
