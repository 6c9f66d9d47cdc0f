"""``defocus-capture chart shoot``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import session_argument
from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.extras.charts.shooting.request import ChartShotRequest

MODELS = "defocus.extras.charts.shooting.request"


@click.command(name="shoot", cls=SettingsCommand, models=MODELS)
@session_argument
def command(session: Path, request: "ChartShotRequest") -> int:
    """Shoot the test chart and report drift.

    The command takes one picture of the chart of 'chart print' into SESSION and measures
    it at once. Run it before the pairs, after them, and in between. It prints MTF50, where the
    chart is, and what changed since the first chart of the session: MTF50, shift, zoom and
    rotation, each with its standard error. A change below three standard errors is not significant.

    Leave the chart where it is, and camera and lens as they are for the pairs. Camera, aperture,
    time and ISO are those of the session's last chart, or else of its last blurry shots.

    A picture without a chart is kept and marked; the exit code is then 1.
    """
    from defocus.extras.charts.shooting.shots import shoot_chart

    return shoot_chart(session, request)
