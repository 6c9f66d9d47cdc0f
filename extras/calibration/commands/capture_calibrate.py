"""The sub-command ``calibrate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.options import FILE
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import VerbGroup, help_heading

if TYPE_CHECKING:
    from defocus.extras.calibration.request import CalibrationReport, CalibrationRequest

MODELS = "defocus.extras.calibration.request"

KINDS = {
    "exposure": "Measure the light of each aperture.",
    "focus": "Measure best focus, backlash, blur of a step.",
    "flat": "Measure the fall-off of light to the corners.",
    "dust": "Find specks on the sensor.",
    "breathing": "Measure magnification by the focus motor.",
    "rig": "Measure geometry and skew of two cameras.",
}


@help_heading("Prepare")
@click.group(name="calibrate", cls=VerbGroup)
def command() -> None:
    """Measure how a camera differs from its labels.

    Each command says what to point the camera at. Pictures are measured and then deleted."""


def _add(kind: Any, meaning: str) -> None:  # noqa: ANN401 - a literal of a module not imported here
    """Add the command of a kind of calibration."""

    @command.command(name=kind, cls=SettingsCommand, models=MODELS, help=meaning)
    def measure(request: "CalibrationRequest") -> None:
        from defocus.extras.calibration.calibrating import calibrate

        calibrate(kind, request)


for _kind, _meaning in KINDS.items():
    _add(_kind, _meaning)


@command.command(name="report", cls=SettingsCommand, models=MODELS)
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
def report_command(files: tuple[Path, ...], report: "CalibrationReport") -> None:
    """Show calibration files with their curves."""
    from defocus.extras.calibration.report import write_calibration_report
    from defocus.progress import say

    write_calibration_report(files, report.out)
    say(f"{report.out}: written")
