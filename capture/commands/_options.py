"""Options that several sub-commands share."""

from pathlib import Path

import click

MODELS = "defocus.capture.planning.shoot_settings"
"""Settings models of commands, which the list of commands does not import."""

SHOT_HEADINGS = ("Camera", "Shots of a pair", "Exposure")
"""Headings of the options that ``shoot``, ``live`` and ``plan`` share."""

HANDLING_HEADINGS = ("Files and colour", "Quality control", "Log")
"""Headings of further options that ``shoot`` and ``live`` share."""

session_argument = click.argument("session", type=click.Path(path_type=Path))
