"""Settings of commands that take no pictures, as typed.

It imports nothing heavy, as ``--help`` reads it."""

from pathlib import Path

import click

from defocus.command_line.where import where_field
from defocus.processes.machines import Where
from defocus.settings import JSON, CommandSettings, option


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


class DoctorSettings(CommandSettings):
    """Options of ``doctor``."""

    uri: str | None = option(None, "--camera URI")
    """Also check this camera; see 'cameras --help'."""
    folder: Path = option(
        Path(), "--folder DIR", type=click.Path(path_type=Path), show_default=False
    )
    """Folder where sessions will be written.  [default: here]"""
    as_json: bool = option(False, "--json")
    """Print a JSON list and do not ask."""
