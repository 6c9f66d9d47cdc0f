"""defocus-data fetch."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import print_made
from defocus.progress import counted
from defocus.reading import Json

if TYPE_CHECKING:
    from defocus.datasets.commands._settings import FetchSettings
    from defocus.datasets.fetching import Place


@help_heading("Open")
@click.command(cls=SettingsCommand)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
def command(sources: tuple[str, ...], settings: "FetchSettings") -> None:
    """Fetch a release, each file by its hash.

    SOURCE is the address or the folder of a release; further ones are mirrors, tried in order. The
    address of an archive (.zip, .tar, …) fetches that file. Interrupted transfers resume. The name
    of a published dataset fetches its archive if the terms allow that, as those of `zedd` do;
    otherwise the command says where to get it, and checks a copy in --out.
    """
    print_made(lambda: _fetched([*sources], settings), _lines, as_json=settings.as_json)


def _lines(document: Json) -> Iterator[str]:
    if "file" in document:
        yield f"{document['file']}: SHA-256 {document['sha256']}"
        yield f"unpack it with 'defocus-data import {document['file']} --out DIR'"
        return
    left = f", {document['left']} not asked for" if document["left"] else ""
    files = counted(document["new"], "file")
    yield f"{document['root']}: {files} fetched, {document['kept']} there before{left}"
    if document["left"]:
        yield (
            "a part cannot be opened as a dataset; the same command without --only fetches the rest"
        )
    else:
        yield f"use it with --dataset release:{document['root']}"


def _fetched(sources: list[str], settings: "FetchSettings") -> Json:
    from defocus.datasets.archives import SUFFIXES
    from defocus.datasets.fetching import fetch_release, is_address, place_of

    if not is_address(sources[0]) and not Path(sources[0]).is_dir():
        sources = [_archive(sources[0], settings.out), *sources[1:]]
    places = list(map(place_of, sources))
    name = PurePosixPath(urlsplit(places[0].name).path).name
    if is_address(sources[0]) and name.lower().endswith(SUFFIXES):
        return _fetched_archive(settings, places, name)
    if settings.trust_first:
        raise click.UsageError(
            "--trust-first is for archives; a release has its hashes"
        )
    release = fetch_release(places, settings.out, settings.only, settings.sha256)
    counts = {
        "new": len(release.new),
        "kept": len(release.kept),
        "left": len(release.left),
    }
    return {"root": str(settings.out), "sha256": release.sha256, **counts}


def _fetched_archive(
    settings: "FetchSettings", places: "list[Place]", name: str
) -> Json:
    """The files that were fetched from an archive."""
    from defocus.datasets.fetching import fetch_known_file

    if settings.only:
        raise click.UsageError("--only is for releases; an archive is one file")
    file = settings.out / name
    digest = fetch_known_file(
        places, file, settings.sha256, trust_first=settings.trust_first
    )
    return {"file": str(file), "sha256": digest}


def _archive(name: str, out: Path) -> str:
    """The address of a published dataset's archive; an ``InputError`` says where else to get it."""
    from defocus.datasets.api import check_dataset, reader_card, reader_names
    from defocus.errors import InputError

    if name not in reader_names():
        raise InputError(
            f"{name}: neither an address, a folder nor a dataset; see 'list'"
        )
    card = reader_card(name)
    if card.archive:
        return card.archive
    complete = check_dataset(f"{name}:{out}") if out.is_dir() else None
    if complete is not None and complete.ok:
        raise InputError(
            f"{out}: a complete copy of {card.title}; nothing is to be fetched"
        )
    then = f"'defocus-data list {name}:{out}' checks your copy"
    raise InputError(
        f"{card.title} is not fetched by a program: get it from {card.source} "
        f"(terms: {card.licence}); {then}"
    )
