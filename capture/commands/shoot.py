"""The sub-command ``shoot``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import bracket_options, camera_option, session_argument

__all__ = ["command"]


@click.command(name="shoot")
@session_argument
@camera_option
@bracket_options
@click.option("--scene", metavar="NAME", help="Name of the scene; numbered if not given.")
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
    "--settle",
    "settle_seconds",
    type=click.FloatRange(0, 600),
    default=None,
    metavar="SECONDS",
    help="Pause before each shot, so that the camera stands still.  [default: 1.5; sim: 0]",
)
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--json-lines", is_flag=True, help="Print every journal line on stdout.")
def command(
    session: Path,
    uri: str,
    scene: str | None,
    scenes: int,
    repeat: int,
    settle_seconds: float | None,
    yes: bool,
    json_lines: bool,
    **bracket: Any,  # noqa: ANN401 - click's options
) -> int:
    """Shoot blurry/sharp pairs into the folder SESSION: two apertures, one exposure.

    A session takes further pairs at any time. Each pair is judged on the spot; exit code 1 says
    that one was rejected. A shoot that was cut short is continued by 'resume'.
    """
    from defocus.capture.request import BracketRequest
    from defocus.capture.running import shoot_new

    return shoot_new(
        session,
        uri,
        BracketRequest(**bracket),
        scene=scene,
        scenes=scenes,
        repeat=repeat,
        settle_seconds=settle_seconds,
        yes=yes,
        json_lines=json_lines,
    )
