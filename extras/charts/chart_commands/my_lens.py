"""``defocus-bench chart my-lens``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import FILE
from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.extras.charts.own_lens.settings import OwnLensSettings

HEADINGS = ("Pictures", "Training", "Output")


@click.command(
    name="my-lens",
    cls=SettingsCommand,
    models="defocus.extras.charts.own_lens.settings",
    headings=HEADINGS,
    others=HEADINGS[0],
)
@click.argument("pictures", nargs=-1, required=True, type=FILE)
def command(pictures: tuple[Path, ...], training: "OwnLensSettings") -> None:
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

    system = registry.plain_baseline(training.baseline)
    request = OwnLensRequest(
        pictures,
        training.f_numbers,
        training.open_f_number,
        training.sensor_width,
        training.linear,
        training.photographs,
        training.minutes,
        system,
        find_weights(system, training.weights),
    )
    with json_output() as printed:
        outcome = make_own_weights(request, training.out)
        if training.as_json:
            printed.write(outcome.to_json())
    if not training.as_json:
        click.echo(f"{outcome.words()}\n{outcome.weights}\n{outcome.report}")
