"""Settings of commands that take no pictures, as typed.

It imports nothing heavy, as ``--help`` reads it."""

from pathlib import Path
from typing import Annotated

import click

from defocus.command_line.where import where_field
from defocus.processes.machines import Where
from defocus.settings import JSON, JSON_LIST, CommandSettings, option

AnyPath = Annotated[Path, click.Path(path_type=Path)]


class CamerasSettings(CommandSettings):
    """Options of ``cameras``."""

    as_json: bool = JSON_LIST


class DoctorSettings(CommandSettings):
    """Options of ``doctor``."""

    uri: str | None = option(None, "--camera URI")
    """Also check this camera; see 'cameras --help'."""
    folder: AnyPath = option(Path(), "--folder DIR", show_default=False)
    """Folder where sessions will be written.  [default: here]"""
    as_json: bool = option(False, "--json")
    """Print a JSON list and do not ask."""


class ConfigSettings(CommandSettings):
    """The option of every command of ``config``."""

    uri: str = option(..., "--camera URI")
    """Address of the camera, such as gphoto2: or sim:?seed=1; see 'cameras --help'."""


class ConfigListSettings(ConfigSettings):
    """Options of ``config list``."""

    as_json: bool = JSON


class ConfigDumpSettings(ConfigSettings):
    """Options of ``config dump``."""

    out: AnyPath | None = option(None, "--out FILE")
    """Write to FILE."""


class CheckSettings(CommandSettings):
    """Options of ``check``."""

    as_json: bool = JSON
    fix_index: bool = option(False, "--fix-index")
    """Rebuild session.json and checksums.sha256 first."""
    repair: bool = option(False, "--repair")
    """Rebuild a damaged journal first, and say line by line what was done."""
    files_only: bool = option(False, "--files-only")
    """Compare checksums only; do not measure and do not write report.html."""
    again: bool = option(False, "--again")
    """Judge all pairs again, and write report.html again."""
    where: Where = where_field(1, "Number of pairs judged at once.")
