"""The sub-command ``shoot``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import (
    HANDLING_HEADINGS,
    MODELS,
    SHOT_HEADINGS,
    session_argument,
)
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.capture.planning.shoot_settings import BracketSettings, ShootOptions

HEADINGS = (
    "Number and times",
    *SHOT_HEADINGS,
    *HANDLING_HEADINGS,
    "Planning",
    "Output",
)


@help_heading("Shoot")
@click.command(
    name="shoot",
    cls=SettingsCommand,
    models=MODELS,
    headings=HEADINGS,
    others="Planning",
)
@session_argument
def command(session: Path, bracket: "BracketSettings", options: "ShootOptions") -> int:
    """Shoot blurry/sharp pairs into SESSION.

    Pairs can be added to a session at any time. Each pair is judged at once; the exit code is 1 if
    one was rejected. 'resume' continues an interrupted shoot.
    """
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.taking.person import bell
    from defocus.capture.taking.running import shoot_new, tell_plan
    from defocus.capture.taking.shots.rig import RigAddress

    bell.on = not options.no_bell
    options = options.within(bracket.settings)
    address = RigAddress.parse(bracket.uri)
    request = BracketRequest(**dict(bracket))
    if options.dry_run:
        tell_plan(session, address, request, options)
        return 0
    return shoot_new(session, address, request, options)
