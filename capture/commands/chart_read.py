"""The sub-command ``chart-read``."""

from pathlib import Path

import click

from defocus.command_line.json_output import json_output

__all__ = ["command"]


@click.command(name="chart-read")
@click.argument(
    "pictures", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option(
    "--linear", is_flag=True, help="Values are proportional to light, as from 'develop --linear'."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list with every number.")
def command(pictures: tuple[Path, ...], linear: bool, as_json: bool) -> int:
    """Measure pictures of the printed chart.

    Finds the chart of 'defocus-capture chart' in perspective, turned, distorted, partly outside the
    picture or blurred by up to 30 px, and measures its edges, stars and dead leaves. JPEG, PNG,
    TIFF and RAW.

    A chart that is not found, or is mirrored, is unknown; the exit code is 1
    then.
    """
    from defocus.charts.light import stored_light
    from defocus.charts.reading.read import read_chart

    missing = 0
    rows = []
    with json_output() as printed:
        for picture in pictures:
            reading = read_chart(stored_light(picture, linear=linear))
            missing += reading is None
            found = {"status": "unknown"} if reading is None else reading.to_json()
            rows.append({"picture": str(picture), **found})
            if not as_json:
                lines = ["unknown: no chart found"] if reading is None else reading.lines()
                click.echo("\n".join([f"{picture}: {lines[0]}", *lines[1:]]))
        if as_json:
            printed.write(rows)
    return 1 if missing else 0
