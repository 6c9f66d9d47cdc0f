"""Settings of the commands of labs, as typed. It imports nothing heavy."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from defocus.command_line.options import Folder
from defocus.settings import JSON, CommandSettings, option


class RepositorySettings(CommandSettings):
    """Options of ``labs check``."""

    as_json: bool = JSON


class BoardSettings(CommandSettings):
    """Options of ``labs board``."""

    out: Folder = option(Path("board"), "--out")
    """Folder of the site; an earlier one is replaced."""


class SealSettings(CommandSettings):
    """Options of ``labs seal``."""

    out: Folder = option(..., "--out")
    """The new folder, to be published."""
    key: Path = option(..., "--key")
    """New file for the key, to be kept until the truth is published."""
    opens: str = option("", "--opens TEXT")
    """When the key will be published."""


class UnsealSettings(CommandSettings):
    """Options of ``labs unseal``."""

    key: Path = option(..., "--key")
    """The published key."""
    out: Folder = option(..., "--out")
    """The new folder: a dataset with its truth."""


class BundleSettings(CommandSettings):
    """Options of ``labs verify``."""

    dataset: str = option(..., "--dataset")
    """Your own copy of the dataset, READER:PATH."""
    reruns: Annotated[int, Field(ge=0)] = option(2, "--reruns")
    """Number of random pictures that each system restores again."""
    record: bool = option(False, "--record")
    """Write the signed outcome next to the bundle."""
    key: Path | None = option(None, "--key FILE")
    """Your Ed25519 key, for --record."""
    as_json: bool = JSON
