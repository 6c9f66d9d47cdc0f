"""The sub-command ``calibrate``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import (
    SECONDS,
    cameras_option,
    focal_length_option,
    pixel_pitch_option,
)
from defocus.command_line.commands import SectionedCommand
from defocus.command_line.verbs import help_heading

__all__ = ["command"]

SECTIONS = {
    "Camera": (
        *("--camera", "--blurry", "--sharp", "--shutter", "--reach"),
        *("--focal-length", "--pixel-pitch"),
    ),
    "Pictures": ("--frames", "--settle", "--yes"),
    "Result": ("--out",),
}
"""Headings of the options in the help."""


@help_heading("Prepare")
@click.command(name="calibrate", cls=SectionedCommand, sections=SECTIONS)
@click.argument(
    "kind", type=click.Choice(["exposure", "focus", "flat", "dust", "breathing", "rig"])
)
@cameras_option
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="JSON file to write; 'shoot --calibration FILE' uses it.",
)
@click.option(
    "--blurry",
    default="f/4",
    show_default=True,
    metavar="F",
    help="Wide aperture: first one of exposure and flat; used by focus.",
)
@click.option(
    "--sharp",
    default="f/22",
    show_default=True,
    metavar="F",
    help="Narrow aperture: last one of exposure and flat; used by dust, breathing and rig.",
)
@click.option("--shutter", metavar="T", help="Exposure time; found by trial if not given.")
@click.option(
    "--reach",
    type=click.IntRange(4, 100_000),
    default=60,
    show_default=True,
    metavar="STEPS",
    help="Range of the focus motor to either side, for focus and breathing.",
)
@focal_length_option
@pixel_pitch_option
@click.option(
    "--frames",
    type=click.IntRange(1, 99),
    default=8,
    show_default=True,
    help="Pictures to average for flat and dust; releases for rig.",
)
@click.option(
    "--settle",
    "settle_seconds",
    type=SECONDS,
    metavar="SECONDS",
    help="Pause before each shot.  [default: 1.5; sim: 0]",
)
@click.option("--yes", is_flag=True, help="Do not ask; the target is in place.")
def command(kind: Any, uris: tuple[str, ...], out: Path, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Measure how a camera differs from its labels.

    \b
    exposure   light of each aperture, compared with its label
    focus      best position of the focus motor, backlash, blur of a step
    flat       fall-off of light towards the corners
    dust       specks on the sensor
    breathing  change of magnification with the focus motor
    rig        two cameras: mirror, geometry, light, and skew of the releases

    The command says what to point the camera at. Pictures are measured and then deleted.
    """  # noqa: D301 - click's mark for a paragraph to leave alone is the backspace character
    from defocus.capture.calibration.calibrating import CalibrationRequest, calibrate

    calibrate(kind, uris, out, CalibrationRequest(**options))
