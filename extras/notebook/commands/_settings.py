"""Settings of ``log``, as typed. It imports nothing heavy."""

from pathlib import Path

from defocus.settings import CommandSettings, option


class LogSettings(CommandSettings):
    """Options of ``log``."""

    out: Path = option(..., "--out")
    """PDF, HTML or CSV file to write; an existing one is replaced."""
    by: str = option("", "--by NAME")
    """Who shot the session, where 'shoot --by' was not given."""
