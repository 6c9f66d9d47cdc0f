"""Draft of a release for any server, and the checks before upload."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from defocus.datasets.api import reader_card
from defocus.datasets.manifest import MANIFEST as PAIRS
from defocus.datasets.manifest import read_manifest
from defocus.datasets.release.details import NOT_DECLARED
from defocus.datasets.release.shards import shards_source
from defocus.datasets.release.terms import NO_LICENCE
from defocus.datasets.verification.verify import verify_folder
from defocus.errors import DatasetError, InputError
from defocus.reading import read_json

__all__ = ["Draft", "ready_release", "require_safe_address", "secret"]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Draft:
    """A release that is ready for upload.

    Attributes:
        root: Folder of the release.
        files: Every file, relative POSIX paths, sorted.
        title, description, version, licence, creators, keywords: Values from its
            ``croissant.json``.
    """

    root: Path
    files: tuple[str, ...]
    title: str
    description: str
    version: str
    licence: str
    creators: tuple[str, ...]
    keywords: tuple[str, ...]


def ready_release(root: Path) -> Draft:
    """Verify every byte of a release and check that it may be published.

    Raises:
        DatasetError: The release is damaged, has pictures whose licence does not permit
            publication, or its card lacks a licence, authors or a statement about faces.
    """
    found = verify_folder(root)
    if not found.ok:
        wrong = found.wrong[0]
        raise DatasetError(
            f"{root}: {wrong.file} is {wrong.kind}; 'defocus-data verify {root} --repair FROM'"
        )
    _require_own(root)
    described = _described(root)
    _require_declared(root, described)
    return Draft(
        root=root,
        files=tuple(sorted(found.found)),
        title=str(described.get("alternateName", described["name"])),
        description=str(described["description"]),
        version=str(described["version"]),
        licence=str(described["license"]),
        creators=tuple(str(one["name"]) for one in described["creator"]),
        keywords=tuple(str(one) for one in described.get("keywords", [])),
    )


def _require_own(root: Path) -> None:
    loose = (root / PAIRS).is_file()
    source = read_manifest(root).source if loose else shards_source(root)
    if source and not reader_card(source).redistributable:
        card = reader_card(source)
        raise DatasetError(
            f"{root}: has pictures of {card.title}, which may not be given to others (terms: "
            f"{card.licence}); publish a sidecar"
        )


def _described(root: Path) -> dict[str, Any]:
    path = root / "croissant.json"
    try:
        document: dict[str, Any] = read_json(path)
        if not {"name", "description", "version"} <= set(document):
            raise ValueError("keys are missing")
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(
            f"{path}: no description ({error}); package the dataset again"
        ) from error
    return document


def _require_declared(root: Path, described: dict[str, Any]) -> None:
    lacks = {
        "licence": described.get("license") in (None, NO_LICENCE),
        "authors": not described.get("creator"),
        "faces": described.get("rai:personalSensitiveInformation") in (None, NOT_DECLARED),
    }
    missing = [name for name, lacking in lacks.items() if lacking]
    if missing:
        raise DatasetError(
            f"{root}: its card does not say {', '.join(missing)}; package it again with --card"
        )


def secret(variable: str) -> str:
    """Read a token from the environment; command-line arguments would be visible to others.

    Raises:
        InputError: The variable is not set.
    """
    token = os.environ.get(variable, "").strip()
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise InputError(f"{variable} is not set; put the server's token into it")
    return token


def require_safe_address(endpoint: str) -> str:
    """Check an address and remove its trailing slash; a token is never sent unencrypted.

    Raises:
        InputError: The address is neither https nor this computer, or contains a password.
    """
    parts = urlsplit(endpoint)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        # not all of it: there may be a password in it
        given = f"{parts.scheme}://{parts.hostname}" if parts.hostname else "--endpoint"
        raise InputError(f"{given}: give an https address without user and query")
    return endpoint.rstrip("/")
