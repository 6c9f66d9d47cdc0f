"""``defocus-capture chart shoot``."""

from pathlib import Path

import click

from defocus.capture.commands._options import SECONDS, pixel_pitch_option, session_argument

__all__ = ["command"]


@click.command(name="shoot")
@session_argument
@click.option(
    "--camera",
    "uri",
    metavar="URI",
    help="Address of the camera; by default that of the session.",
)
@click.option("--aperture", metavar="F", help="Aperture; by default that of the session.")
@click.option(
    "--shutter", metavar="T", help="Exposure time, such as 1/125; by default that of the session."
)
@click.option("--iso", metavar="ISO", help="ISO; by default that of the session.")
@click.option(
    "--settle",
    "settle_seconds",
    type=SECONDS,
    default=None,
    metavar="SECONDS",
    help="Pause before the shot, so that the camera stands still.  [default: 1.5; sim: 0]",
)
@pixel_pitch_option
@click.option("--json-lines", is_flag=True, help="Print every journal line on stdout.")
def command(
    session: Path,
    uri: str | None,
    aperture: str | None,
    shutter: str | None,
    iso: str | None,
    settle_seconds: float | None,
    sensor_pitch_um: float | None,
    json_lines: bool,
) -> int:
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

    return shoot_chart(
        session,
        uri=uri,
        aperture=aperture,
        shutter=shutter,
        iso=iso,
        sensor_pitch_um=sensor_pitch_um,
        settle_seconds=settle_seconds,
        json_lines=json_lines,
    )
