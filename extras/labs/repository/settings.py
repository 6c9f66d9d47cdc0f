"""``repository.toml``: whose keys count, and what is denied."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from defocus.errors import InputError
from defocus.extras.labs.statement import Sha256
from defocus.settings import Settings, load_settings

SETTINGS = "repository.toml"

Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]


def _public_key(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(
            "a public key has 64 digits, 0-9 and a-f, as 'labs submit' prints them"
        )
    return text


PublicKey = Annotated[str, AfterValidator(_public_key)]


class Deny(Settings):
    """Entries that the board never shows."""

    # versions of this package whose numbers are wrong; ``0.1.0`` denies it with every commit
    versions: tuple[str, ...] = ()
    # hashes of bundles' statements, as 'labs verify --json' tells them
    bundles: tuple[Sha256, ...] = ()
    keys: tuple[PublicKey, ...] = ()  # public keys that were stolen or misused


class Repository(Settings):
    """The settings of a results repository."""

    title: str = "Defocus deblurring across labs"
    # public key of each lab by name; a lab that is not named is refused
    labs: dict[Name, PublicKey] = Field(default_factory=dict)
    # public key of each person whose records count, by name
    verifiers: dict[Name, PublicKey] = Field(default_factory=dict)
    deny: Deny = Deny()


def read_repository(folder: Path) -> Repository:
    """Read the settings of a results repository."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a results repository")
    return load_settings(Repository, folder / SETTINGS)


def bundles_of(folder: Path) -> list[Path]:
    """The bundles of a repository, in its folder ``bundles`` and below, sorted."""
    return sorted((folder / "bundles").rglob("*.zip"))
