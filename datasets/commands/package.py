"""defocus-data package."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.commands import json_output
from defocus.progress import counted, say

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.datasets.release.packaging import Packaged

__all__ = ["command"]

FORMATS = ("folder", "hdf5", "webdataset", "imagefolder")
MEGABYTE = 10**6


@click.command()
@click.argument("dataset")
@click.option(
    "--to", "form", type=click.Choice(FORMATS), required=True, help="File format of the release."
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Root of the release: a new or empty folder.",
)
@click.option(
    "--card",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file with title, authors, licence, faces and further fields.",
)
@click.option(
    "--shard-size",
    "shard_mb",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Size of one webdataset or hdf5 file, in megabytes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *, dataset: str, form: str, out: Path, card: Path | None, shard_mb: int, as_json: bool
) -> None:
    """Package DATASET as a release.

    A release holds pictures as PNG, a card, the licence, the citation and checksums.

    GPS positions, serial numbers and personal names are removed. The same dataset gives the same
    bytes. Run the same command again to continue an interrupted run. Pictures made by others are
    refused if their licence does not permit redistribution.
    """
    if not as_json:
        done = _package(dataset, form, out, card, shard_mb)
        click.echo(f"{done.root}: {counted(done.pairs, 'pair')}, SHA-256 {done.sha256}")
        return
    with json_output() as output:
        done = _package(dataset, form, out, card, shard_mb)
        output.write({"root": str(done.root), "pairs": done.pairs, "sha256": done.sha256})


def _package(name: str, form: str, out: Path, card: Path | None, shard_mb: int) -> "Packaged":
    from defocus.datasets.api import open_dataset
    from defocus.datasets.release.details import details_of
    from defocus.datasets.release.documents import undeclared
    from defocus.datasets.release.packaging import package_dataset
    from defocus.datasets.release.terms import require_redistributable

    opened = open_dataset(name)
    require_redistributable(opened)
    details = details_of(opened, card)
    for problem in undeclared(details):
        say(f"{problem}; state it in a file for --card")
    return package_dataset(opened, out, form, details, shard_mb * MEGABYTE)
