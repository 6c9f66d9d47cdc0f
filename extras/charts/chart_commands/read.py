"""``defocus-capture chart read``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import FILE
from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.charts.chart_commands._settings import ReadSettings


@click.command(name="read", cls=SettingsCommand)
@click.argument("pictures", nargs=-1, required=True, type=FILE)
def command(pictures: tuple[Path, ...], settings: "ReadSettings") -> int:
    """Measure pictures of the printed chart.

    PICTURES are photographs of the chart of 'chart print', developed or RAW. The chart may
    be in perspective, turned, distorted, partly outside the picture, or blurred by up to 30 px.
    The command measures its edges, stars and dead leaves, how straight its lines are, and how many
    of its characters tesseract reads if it is installed.

    A chart that is not found, or is mirrored, is unknown; the exit code is then 1.
    """
    from defocus.extras.charts.reading.characters import characters_read
    from defocus.extras.charts.reading.read import read_chart
    from defocus.extras.charts.reading.stored_light import stored_light

    missing = 0
    rows = []
    with json_output() as printed:
        for picture in pictures:
            light = stored_light(picture, linear=settings.linear)
            reading = read_chart(light)
            if reading is None:
                missing += 1
                facts = {"status": "unknown"}
                lines = ["unknown: no chart found"]
            else:
                seen = reading.tone.light(light)
                text = characters_read(seen, reading.sheet, reading.geometry)
                facts = reading.to_json() | text.to_json()
                lines = [*reading.lines(), f"  {text.line()}"]
            rows.append({"picture": str(picture), **facts})
            if not settings.as_json:
                click.echo("\n".join([f"{picture}: {lines[0]}", *lines[1:]]))
        if settings.as_json:
            printed.write(rows)
    return 1 if missing else 0
