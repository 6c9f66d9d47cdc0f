"""``defocus-bench chart``."""

from pathlib import Path

import click

from defocus.command_line.json_output import json_output

__all__ = ["command"]


@click.command()
@click.option(
    "--systems",
    metavar="NAME,NAME",
    help="Systems, with the weights that come with the package where they need any.  [default: "
    "wiener,defocus-m; with --out those of the study]",
)
@click.option(
    "--blur",
    default="2,4,8,16",
    show_default=True,
    metavar="PX,PX",
    help="Circles of confusion.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="STUDY",
    help="Keep the numbers in this study; its report shows them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list instead of the table.")
def command(systems: str | None, blur: str, out: Path | None, *, as_json: bool) -> None:
    """Measure systems on the test chart (MTF).

    A simulated photograph of the chart of 'defocus-capture chart' is blurred by discs and restored.
    By circle of confusion: MTF50 and its gain, overshoot, displacement and bend of edges, texture
    that is lost and texture that is invented, and characters that tesseract reads, where it is
    installed. Edges flatter networks, which love steps; look at the
    texture beside them.
    """
    from defocus.benchmark.charts.of_study import add_chart, measure_chart, study_restorers
    from defocus.benchmark.charts.restorers import restorers
    from defocus.benchmark.charts.scores import chart_table
    from defocus.errors import InputError

    try:
        diameters = [float(one) for one in blur.split(",")]
    except ValueError as error:
        raise InputError(f"--blur {blur}: give numbers such as 2,4,8") from error
    if not all(1.0 <= one <= 16.0 for one in diameters):
        raise InputError(f"--blur {blur}: give circles of confusion from 1 to 16 px")
    with json_output() as printed:
        if out is not None and systems is None:
            made = study_restorers(out)
        else:
            made = restorers((systems or "wiener,defocus-m").split(","))
        scores = list(measure_chart(made, diameters))
        if out is not None:
            add_chart(out, scores)
        if as_json:
            printed.write([one.to_json() for one in scores])
    if not as_json:
        click.echo(chart_table(scores))
