"""The sub-command ``resume``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import MODELS, session_argument
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.capture.planning.shoot_settings import ResumeSettings


@help_heading("Shoot")
@click.command(name="resume", cls=SettingsCommand, models=MODELS)
@session_argument
def command(session: Path, options: "ResumeSettings") -> int:
    """Continue an interrupted session.

    A pair that has all its shots is only judged. Shooting continues at the first pair that lacks
    shots. That pair is shot again as a whole; its earlier files are moved to SESSION/interrupted.
    Missing or changed files of complete pairs are fetched from the camera's card. If some are no
    longer there, they are listed and the exit code is 1. If the shoot was started with --yes, it is
    not needed again unless the camera has changed.
    """
    from defocus.capture.taking.resuming import resume_session

    return resume_session(session, options)
