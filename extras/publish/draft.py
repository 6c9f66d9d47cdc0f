"""Draft of a release for any server, and the checks before upload."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from defocus.datasets.api import reader_card
from defocus.datasets.checksums import ORIGIN
from defocus.datasets.deriving.maker import place_file
from defocus.datasets.differences import verify_folder
from defocus.datasets.manifest import MANIFEST, read_manifest
from defocus.datasets.release.details import NO_LICENCE, NOT_DECLARED, Details
from defocus.datasets.release.facts import ReleaseFacts, read_facts
from defocus.datasets.release.packaging import LAYOUTS, write_documents, write_sums
from defocus.errors import DatasetError, InputError
from defocus.storage.files import make_folder

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Draft:
    """A release that is ready for upload."""

    root: Path  # folder of the release
    files: tuple[str, ...]  # every file, relative POSIX paths, sorted
    facts: ReleaseFacts
    details: Details

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum((self.root / name).stat().st_size for name in self.files)


def ready_release(root: Path) -> Draft:
    """Verify every byte of a release and check that it may be published."""
    verification = verify_folder(root)
    if not verification.ok:
        wrong = verification.wrong[0]
        raise DatasetError(
            f"{root}: {wrong.file} is {wrong.kind}; 'defocus-data verify {root} --repair FROM'"
        )
    _require_own(root)
    facts = read_facts(root)
    if facts.details is None or facts.to not in LAYOUTS:
        raise DatasetError(f"{root}: {ORIGIN} lacks details; package the dataset again")
    _require_declared(root, facts.details)
    return Draft(root, tuple(sorted(verification.hashes)), facts, facts.details)


@contextlib.contextmanager
def with_doi(draft: Draft, doi: str) -> Iterator[Draft]:
    """A copy of a release, in a temporary folder, whose documents have a DOI."""
    details = draft.details.model_copy(update={"doi": doi})
    with tempfile.TemporaryDirectory(prefix="defocus-publish-") as folder:
        root = Path(folder) / draft.root.absolute().name
        for name in draft.files:
            make_folder((root / name).parent)
            place_file(draft.root / name, root / name)
        write_documents(root, draft.facts, details)
        write_sums(root)
        yield Draft(root, draft.files, draft.facts, details)


def _require_own(root: Path) -> None:
    loose = (root / MANIFEST).is_file()
    source = read_manifest(root).source if loose else read_facts(root).source
    if source and not reader_card(source).redistributable:
        card = reader_card(source)
        raise DatasetError(
            f"{root}: has pictures of {card.title}, which may not be given to others (terms: "
            f"{card.licence}); publish a sidecar"
        )


def _require_declared(root: Path, details: Details) -> None:
    lacks = {
        "licence": details.licence == NO_LICENCE,
        "authors": not details.authors,
        "faces": details.faces == NOT_DECLARED,
    }
    missing = [name for name, lacking in lacks.items() if lacking]
    if missing:
        raise DatasetError(
            f"{root}: its card does not say {', '.join(missing)}; package it again with --card"
        )


def secret(variable: str) -> str:
    """Read a token from the environment; command-line arguments would be visible to others."""
    token = os.environ.get(variable, "").strip()
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise InputError(f"{variable} is not set; put the server's token into it")
    return token


def require_safe_address(endpoint: str) -> str:
    """Check an address and remove its trailing slash; a token is never sent unencrypted."""
    parts = urlsplit(endpoint)
    safe = parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in LOOPBACK
    )
    if (
        not safe
        or not parts.hostname
        or parts.username
        or parts.query
        or parts.fragment
    ):
        # not all of it: there may be a password in it
        given = f"{parts.scheme}://{parts.hostname}" if parts.hostname else "--endpoint"
        raise InputError(f"{given}: give an https address without user and query")
    return endpoint.rstrip("/")
