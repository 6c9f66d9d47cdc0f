"""The sub-command ``shoot``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._handling import handling_of, handling_options
from defocus.capture.commands._options import (
    HANDLING_SECTIONS,
    SECONDS,
    SHOT_SECTIONS,
    bracket_options,
    cameras_option,
    hook_option,
    scene_list_option,
    session_argument,
)
from defocus.command_line.commands import SectionedCommand
from defocus.command_line.verbs import help_heading

__all__ = ["command"]

SECTIONS = {
    "Number and times": (
        "--scene",
        "--scenes",
        "--scene-list",
        "--repeat",
        "--every",
        "--countdown",
    ),
    **SHOT_SECTIONS,
    **HANDLING_SECTIONS,
    "Planning": ("--settings", "--distances", "--dry-run", "--yes"),
    "Output": ("--no-bell", "--json-lines"),
}


@help_heading("Shoot")
@click.command(name="shoot", cls=SectionedCommand, sections=SECTIONS)
@session_argument
@cameras_option
@bracket_options
@click.option(
    "--scene",
    metavar="NAME",
    help="Name of the scene; by default, or with auto, scenes are numbered.",
)
@click.option(
    "--scenes",
    type=click.IntRange(1, 9999),
    default=1,
    show_default=True,
    help="Number of scenes; the command asks you to set up each.",
)
@scene_list_option
@click.option(
    "--repeat",
    type=click.IntRange(1, 9999),
    default=1,
    show_default=True,
    help="Number of pairs of each scene.",
)
@click.option(
    "--every",
    "every_seconds",
    type=SECONDS,
    default=0.0,
    metavar="SECONDS",
    help="Shortest time from the start of one pair to the start of the next.",
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
@click.option("--dry-run", is_flag=True, help="Print the plan and do not shoot.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--no-bell", is_flag=True, help="Do not ring the terminal bell.")
@click.option("--json-lines", is_flag=True, help="Print every journal line on stdout.")
def command(
    session: Path,
    uris: tuple[str, ...],
    profile: Any,  # noqa: ANN401 - settings, whose module is not imported here
    scene: str | None,
    scenes: int,
    scene_list: Path | None,
    repeat: int,
    every_seconds: float,
    countdown_seconds: int,
    hook: Any,  # noqa: ANN401 - a hook, whose module is not imported here
    dry_run: bool,
    yes: bool,
    no_bell: bool,
    json_lines: bool,
    **typed: Any,  # noqa: ANN401 - click's options
) -> int:
    """Shoot blurry/sharp pairs into SESSION.

    Pairs can be added to a session at any time. Each pair is judged at once; the exit code is 1 if
    one was rejected. 'resume' continues an interrupted shoot.
    """
    from defocus.capture.planning.plan import read_scene_list
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.taking.person import bell
    from defocus.capture.taking.running import ShootOptions, shoot_new, tell_plan
    from defocus.capture.taking.shots.rig import RigAddress

    if scene_list is not None and (scene is not None or scenes != 1):
        raise click.UsageError("--scene-list has all scenes; drop --scene and --scenes")
    bell.on = not no_bell
    handling, bracket = handling_of(typed, profile)
    options = ShootOptions(
        scene=None if scene == "auto" else scene,
        scenes=scenes,
        scene_list=() if scene_list is None else read_scene_list(scene_list),
        repeat=repeat,
        every_seconds=every_seconds,
        countdown_seconds=countdown_seconds,
        **handling,
    )
    address, request = RigAddress.parse(uris), BracketRequest.typed(**bracket)
    if dry_run:
        tell_plan(session, address, request, options)
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
