"""``defocus-bench chart my-lens``."""

from pathlib import Path

import click

from defocus.baselines.systems import DEFAULT_SYSTEM
from defocus.command_line.commands import SectionedCommand
from defocus.command_line.json_output import json_output
from defocus.command_line.numbers import FiniteRange
from defocus.command_line.options import FOLDER, json_option
from defocus.extras.charts.picture_options import chart_picture_options

SECTIONS = {
    "Pictures": ("--f-number", "--open-f-number", "--sensor-width", "--linear"),
    "Training": ("--minutes", "--photographs", "--baseline", "--weights"),
    "Output": ("--out", "--json"),
}


@click.command(name="my-lens", cls=SectionedCommand, sections=SECTIONS)
@chart_picture_options
@click.option(
    "--minutes",
    type=FiniteRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="Minutes of training on a GPU, or on all cores. Processor time is counted, so a busy "
    "computer takes longer.",
)
@click.option(
    "--photographs",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Sharp photographs for the training; without them, procedural textures alone.",
)
@click.option(
    "--baseline", metavar="NAME", default=DEFAULT_SYSTEM, show_default=True, help="The network."
)
@click.option(
    "--weights",
    metavar="LABEL_OR_FILE",
    default="own",
    show_default=True,
    help="Weights that the training begins with.",
)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("lens"),
    show_default=True,
    help="Folder of the result, named after the lens; run the same command again to continue.",
)
@json_option()
def command(
    pictures: tuple[Path, ...],
    f_numbers: tuple[float, ...],
    open_f_number: float | None,
    sensor_width: float | None,
    minutes: float,
    photographs: Path | None,
    baseline: str,
    weights: str,
    out: Path,
    *,
    linear: bool,
    as_json: bool,
) -> None:
    """Fine-tune a network for your own lens.

    PICTURES show the chart of 'defocus-capture chart print', as 'chart lens' takes them: at
    several focus settings, from nearer than the chart to farther. The lens and the noise are
    measured, scenes are rendered through it, and the network is trained further on these scenes
    and on some through other lenses. No sharp pictures are needed.

    OUT holds the weights, the lens, and a report: the chart before and after, the gain on held-out
    scenes, and whether the network got worse for other lenses.
    """
    from defocus.baselines import registry
    from defocus.baselines.weights.store import find_weights
    from defocus.extras.charts.own_lens.run import OwnLensRequest, make_own_weights

    system = registry.plain_baseline(baseline)
    request = OwnLensRequest(
        pictures,
        f_numbers,
        open_f_number,
        sensor_width,
        linear,
        photographs,
        minutes,
        system,
        find_weights(system, weights),
    )
    with json_output() as printed:
        outcome = make_own_weights(request, out)
        if as_json:
            printed.write(outcome.to_json())
    if not as_json:
        click.echo(f"{outcome.words()}\n{outcome.weights}\n{outcome.report}")
