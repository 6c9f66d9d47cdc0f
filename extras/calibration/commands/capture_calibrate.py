"""The sub-command ``calibrate``."""

from collections.abc import Callable
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
from defocus.command_line.verb_group import VerbGroup
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


OPTIONS = (
    cameras_option,
    click.option(
        "--out",
        required=True,
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="JSON file to write; 'shoot --calibration FILE' uses it.",
    ),
    click.option(
        "--blurry",
        default="f/4",
        show_default=True,
        metavar="F",
        help="Wide aperture: first one of exposure and flat; used by focus.",
    ),
    click.option(
        "--sharp",
        default="f/22",
        show_default=True,
        metavar="F",
        help="Narrow aperture: last one of exposure and flat; used by dust, breathing and rig.",
    ),
    click.option("--shutter", metavar="T", help="Exposure time; found by trial if not given."),
    click.option(
        "--reach",
        type=click.IntRange(4, 100_000),
        default=60,
        show_default=True,
        metavar="STEPS",
        help="Range of the focus motor to either side, for focus and breathing.",
    ),
    focal_length_option,
    pixel_pitch_option,
    click.option(
        "--frames",
        type=click.IntRange(1, 99),
        default=8,
        show_default=True,
        help="Pictures to average for flat and dust; releases for rig.",
    ),
    click.option(
        "--settle",
        "settle_seconds",
        type=SECONDS,
        metavar="SECONDS",
        help="Pause before each shot.  [default: 1.5; sim: 0]",
    ),
    click.option("--yes", is_flag=True, help="Do not ask; the target is in place."),
)

KINDS = {
    "exposure": "Measure the light of each aperture.",
    "focus": "Measure best focus, backlash, blur of a step.",
    "flat": "Measure the fall-off of light to the corners.",
    "dust": "Find specks on the sensor.",
    "breathing": "Measure magnification by the focus motor.",
    "rig": "Measure geometry and skew of two cameras.",
}


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@help_heading("Prepare")
@click.group(name="calibrate", cls=VerbGroup)
def command() -> None:
    """Measure how a camera differs from its labels.

    Each command says what to point the camera at. Pictures are measured and then deleted.
    """


def _add(kind: Any, meaning: str) -> None:  # noqa: ANN401 - a literal of a module not imported here
    """Add the command of a kind of calibration."""

    @command.command(name=kind, cls=SectionedCommand, sections=SECTIONS, help=meaning)
    @_with_options
    def measure(uris: tuple[str, ...], out: Path, **options: Any) -> None:  # noqa: ANN401 - click's options
        from defocus.extras.calibration.calibrating import CalibrationRequest, calibrate

        calibrate(kind, uris, out, CalibrationRequest(**options))


for _kind, _meaning in KINDS.items():
    _add(_kind, _meaning)


@command.command(name="report")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE...",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="PDF or HTML file to write.",
)
def report_command(files: tuple[Path, ...], out: Path) -> None:
    """Show calibration files with their curves."""
    from defocus.extras.calibration.report import write_calibration_report
    from defocus.progress import say

    write_calibration_report(files, out)
    say(f"{out}: written")
