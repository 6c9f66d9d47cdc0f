"""defocus-data fetch."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from defocus.command_line.options import json_option
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import print_made
from defocus.progress import counted
from defocus.reading import Json

if TYPE_CHECKING:
    from defocus.datasets.fetching import Place

MESSAGE = "a SHA-256 has 64 hexadecimal digits"


def _sha256(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> str | None:
    text = None if value is None else value.lower()
    if text is not None and (len(text) != 64 or set(text) - set("0123456789abcdef")):
        raise click.BadParameter(f"'{value}': {MESSAGE}")
    return text


@help_heading("Open")
@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the release, or folder for an archive; run again to continue.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only these files and the documents, such as 'test-*.tar'; can be repeated.",
)
@click.option(
    "--sha256",
    callback=_sha256,
    help="Hash that 'package' printed, or hash of the archive.",
)
@click.option(
    "--trust-first",
    is_flag=True,
    help="Accept an archive of unknown hash and record it; later fetches must match it.",
)
@json_option()
def command(sources: tuple[str, ...], *, as_json: bool, **settings: Any) -> None:  # noqa: ANN401 - click's
    """Fetch a release, each file by its hash.

    SOURCE is the address or the folder of a release; further ones are mirrors, tried in order. The
    address of an archive (.zip, .tar, …) fetches that file. Interrupted transfers resume. The name
    of a published dataset fetches its archive if the terms allow that, as those of `zedd` do;
    otherwise the command says where to get it, and checks a copy in --out.
    """
    print_made(lambda: _fetched(list(sources), **settings), _lines, as_json=as_json)


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


def _fetched(
    sources: list[str],
    *,
    out: Path,
    only: tuple[str, ...],
    sha256: str | None,
    trust_first: bool,
) -> Json:
    from defocus.datasets.archives import SUFFIXES
    from defocus.datasets.fetching import fetch_release, is_address, place_of

    if not is_address(sources[0]) and not Path(sources[0]).is_dir():
        sources = [_archive(sources[0], out), *sources[1:]]
    places = list(map(place_of, sources))
    name = PurePosixPath(urlsplit(places[0].name).path).name
    if is_address(sources[0]) and name.lower().endswith(SUFFIXES):
        return _fetched_archive(out, only, sha256, trust_first, places, name)
    if trust_first:
        raise click.UsageError(
            "--trust-first is for archives; a release has its hashes"
        )
    release = fetch_release(places, out, only, sha256)
    counts = {
        "new": len(release.new),
        "kept": len(release.kept),
        "left": len(release.left),
    }
    return {"root": str(out), "sha256": release.sha256, **counts}


def _fetched_archive(
    out: Path,
    only: tuple[str, ...],
    sha256: str | None,
    trust_first: bool,
    places: "list[Place]",
    name: str,
) -> Json:
    """The files that were fetched from an archive."""
    from defocus.datasets.fetching import fetch_known_file

    if only:
        raise click.UsageError("--only is for releases; an archive is one file")
    digest = fetch_known_file(places, out / name, sha256, trust_first=trust_first)
    return {"file": str(out / name), "sha256": digest}


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
