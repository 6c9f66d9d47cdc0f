"""The sub-command ``shoot``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._handling import handling_of, handling_options
from defocus.capture.commands._options import (
    SECONDS,
    bracket_options,
    cameras_option,
    hook_option,
    session_argument,
)

__all__ = ["command"]


@click.command(name="shoot")
@session_argument
@cameras_option
@bracket_options
@click.option("--scene", metavar="NAME", help="Name of the scene; auto or nothing = numbered.")
@click.option(
    "--scenes",
    type=click.IntRange(1, 9999),
    default=1,
    show_default=True,
    help="How many scenes; you are asked to set up each.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1, 9999),
    default=1,
    show_default=True,
    help="How many pairs of each scene.",
)
@click.option(
    "--every",
    "every_seconds",
    type=SECONDS,
    default=0.0,
    metavar="SECONDS",
    help="Time from the start of one pair to that of the next, at least.",
)
@click.option(
    "--countdown",
    "countdown_seconds",
    type=click.IntRange(0, 3600),
    default=0,
    metavar="SECONDS",
    help="Count down before each pair, to step out of the scene.",
)
@handling_options(retake="auto")
@hook_option
@click.option("--dry-run", is_flag=True, help="Print the plan and take no shot.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--json-lines", is_flag=True, help="Print every journal line on stdout.")
def command(
    session: Path,
    uris: tuple[str, ...],
    profile: Any,  # noqa: ANN401 - settings, whose module is not imported here
    scene: str | None,
    scenes: int,
    repeat: int,
    every_seconds: float,
    countdown_seconds: int,
    hook: Any,  # noqa: ANN401 - a hook, whose module is not imported here
    dry_run: bool,
    yes: bool,
    json_lines: bool,
    **typed: Any,  # noqa: ANN401 - click's options
) -> int:
    """Shoot blurry/sharp pairs into the folder SESSION.

    A session takes further pairs at any time. Each pair is judged on the spot; exit code 1 says
    that one was rejected. A shoot that was cut short is continued by 'resume'.
    """
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.taking.rig import RigAddress
    from defocus.capture.taking.running import ShootOptions, shoot_new, tell_plan

    handling, bracket = handling_of(typed, profile)
    options = ShootOptions(
        scene=None if scene == "auto" else scene,
        scenes=scenes,
        repeat=repeat,
        every_seconds=every_seconds,
        countdown_seconds=countdown_seconds,
        **handling,
    )
    address, request = RigAddress.parse(uris), BracketRequest.typed(**bracket)
    if dry_run:
        tell_plan(address, request, options)
        return 0
    return shoot_new(
        session,
        address,
        request,
        options,
        yes=yes,
        json_lines=json_lines,
        hook=hook,
    )
