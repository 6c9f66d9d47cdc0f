"""``defocus-bench chart measure``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import FILE
from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.charts.chart_commands._settings import MeasureSettings


@click.command(name="measure", cls=SettingsCommand)
@click.argument("pictures", nargs=-1, type=FILE)
def command(pictures: tuple[Path, ...], settings: "MeasureSettings") -> None:
    """Measure systems on the test chart (MTF).

    PICTURES are photographs of the chart of 'defocus-capture chart print', developed or RAW.
    Without PICTURES, a simulated chart is blurred by discs.

    For each circle of confusion, the table shows MTF50 and its gain, overshoot, displacement and
    bend of edges, bend of printed lines, lost and invented texture, and the characters that
    tesseract reads if it is installed. Edges flatter networks, which favour steps: look at the
    texture too.

    Restored edges are compared with those of the photograph, and texture with what was printed.
    With --out, the same command continues after an interruption.
    """
    from defocus.extras.charts.chart_commands._settings import BLURS, SYSTEMS
    from defocus.extras.charts.systems.of_study import measure_chart, study_restorers
    from defocus.extras.charts.systems.photographs import simulated_cases, taken_cases
    from defocus.extras.charts.systems.restorers import restorers, without_weights
    from defocus.extras.charts.systems.tables import chart_table
    from defocus.progress import say

    if pictures and settings.blur is not None:
        raise click.UsageError(
            "--blur is for simulated photographs; PICTURES have their own"
        )
    if settings.linear and not pictures:
        raise click.UsageError("--linear is for PICTURES; give some")
    with json_output() as printed:
        if pictures:
            cases = taken_cases(pictures, linear=settings.linear)
        else:
            cases = simulated_cases(_diameters(settings.blur or BLURS))
        lacking: list[str] = []
        if settings.out is not None and not settings.systems:
            by_name = study_restorers(settings.out)
        else:
            asked = ",".join(settings.systems or (SYSTEMS,))
            names = list(map(str.strip, asked.split(",")))
            lacking = without_weights(names)
            measured = [one for one in names if one not in lacking]
            by_name = restorers(measured or names)
            for one in lacking:
                say(
                    f"{one}: needs weights, and the package has none; left out",
                    error=True,
                )
        scores = measure_chart(by_name, cases, settings.out, settings.where)
        if settings.as_json:
            printed.write([one.to_json() for one in scores])
    if not settings.as_json:
        click.echo(chart_table(scores, lacking))


def _diameters(blur: str) -> list[float]:
    from defocus.errors import InputError

    try:
        diameters = list(map(float, blur.split(",")))
    except ValueError as error:
        raise InputError(f"--blur {blur}: give numbers such as 2,4,8") from error
    if not all(1.0 <= one <= 16.0 for one in diameters):
        raise InputError(f"--blur {blur}: give circles of confusion from 1 to 16 px")
    return diameters
