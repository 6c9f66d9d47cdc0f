"""Settings of commands that take no pictures, as typed.

It imports nothing heavy, as ``--help`` reads it."""

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
