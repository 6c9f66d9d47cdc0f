"""defocus-data package."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import print_made, say_warnings, without
from defocus.progress import counted, say
from defocus.reading import Json

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.datasets.commands._settings import PackageSettings
    from defocus.datasets.pair import Dataset, Pair
    from defocus.datasets.release.details import Details
    from defocus.datasets.release.packaging import Packaged
    from defocus.pictures.carried import LeftBehind

MEGABYTE = 10**6


@help_heading("Keep")
@click.command(cls=SettingsCommand)
@click.argument("dataset")
def command(dataset: str, settings: "PackageSettings") -> int:
    """Package DATASET as a release.

    A release holds pictures as PNG, a card, the licence, the citation and checksums.

    GPS positions, serial numbers and personal names are removed. The same dataset gives the same
    bytes. Run the same command again to continue an interrupted run; in a finished release it reads
    every byte again. Pictures made by others are refused if their licence does not permit
    redistribution. The exit code is 1 if a pair is left out because it cannot be read.
    """

    def lines(document: Json) -> tuple[str]:
        pairs = counted(document["pairs"], "pair")
        return (f"{document['root']}: {pairs}, SHA-256 {document['sha256']}",)

    return print_made(
        lambda: _package(dataset, settings), lines, as_json=settings.as_json
    )


def _say_sizes(pairs: "list[Pair]") -> None:
    """Say that pictures have several sizes, which are kept: batches of whole pictures need one."""
    from defocus.pictures.headers import picture_size

    sizes = {picture_size(pair.blurry) for pair in pairs}
    if len(sizes) > 1:
        say(
            f"{counted(len(pairs), 'pair')} of {len(sizes)} sizes, which are kept; "
            "'defocus-data compensate --size common' makes them one"
        )


def _package(name: str, settings: "PackageSettings") -> Json:
    """The release, and what its pictures lack of the files that they were made from."""
    from defocus.datasets.api import open_dataset
    from defocus.datasets.pair import remaining
    from defocus.datasets.release.details import (
        details_of,
        later_version,
        require_redistributable,
    )
    from defocus.datasets.release.facts import read_facts
    from defocus.datasets.release.packaging import require_release_folder

    require_release_folder(settings.out)
    opened = open_dataset(name, damaged=True)
    require_redistributable(opened)
    before = (
        None if settings.previous is None else read_facts(settings.previous).details
    )
    details = later_version(details_of(opened, settings.card), settings.version, before)
    _say_lacks(opened, details)
    release = _packaged(settings, opened, details)
    left_out = without(opened, release.left_out)
    lacking = _say_pictures(settings, remaining(opened.pairs, left_out))
    return {
        "root": str(release.root),
        "pairs": release.pairs,
        "sha256": release.sha256,
        "left_out": documents_of(left_out),
        "left_behind": documents_of(lacking),
    }


def _packaged(
    settings: "PackageSettings", opened: "Dataset", details: "Details"
) -> "Packaged":
    """Make the release, with the numbers of its audit."""
    from defocus.datasets.release.facts import ReleaseNotes, audit_facts
    from defocus.datasets.release.packaging import package_dataset

    file = settings.audit
    numbers, warnings = ((), None) if file is None else audit_facts(opened, file)
    notes = ReleaseNotes(numbers, warnings, settings.previous)
    return package_dataset(
        opened,
        settings.out,
        settings.target,
        details,
        settings.shard_mb * MEGABYTE,
        notes=notes,
        where=settings.where,
    )


def _say_lacks(opened: "Dataset", details: "Details") -> None:
    """Say what is odd in the pictures, and what the card lacks."""
    from defocus.datasets.audit.members import warnings_of
    from defocus.datasets.release.card import undeclared

    # a profile alone is not a reason: what is released is converted
    odd = (
        one
        for one in warnings_of(opened.pairs)
        if not one.text.endswith("taken for sRGB")
    )
    say_warnings(odd, opened.pairs)
    if missing := undeclared(details):
        words = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
        say(
            f"the card lacks {words}; give {'them' if missing[1:] else 'it'} with --card FILE"
        )


def _say_pictures(
    settings: "PackageSettings", pairs: "list[Pair]"
) -> "Sequence[LeftBehind]":
    """Say the sizes and the empty splits; return what the released pictures lack."""
    from defocus.datasets.pair import empty_splits
    from defocus.datasets.release.pictures import released_blocks
    from defocus.pictures.carried import say_left_behind

    _say_sizes(pairs)
    for part in empty_splits(pairs):
        say(f"no pair is for {part}; 'defocus-data split' draws the splits again")
    separate = settings.target != "hdf5"  # its arrays have room for pixels alone
    released = []
    for pair in pairs:
        for path in filter(None, (pair.blurry, pair.sharp)):
            blocks = released_blocks(path) if separate else b""
            released.append((path, blocks))
    return say_left_behind(released, converted=True)
