"""``defocus-bench export-weights``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.extras.export.commands._settings import ExportSettings


@help_heading("Systems")
@click.command("export-weights", cls=SettingsCommand)
@click.argument("name")
def command(name: str, settings: "ExportSettings") -> None:
    """Write weights as files of other tools.

    NAME is a system. An ONNX graph is written only if ONNX Runtime and PyTorch agree to 1e-4 of the
    range of values; the line says how its time compares.
    """
    from defocus.baselines.registry import plain_baseline
    from defocus.baselines.weights.own import OWN
    from defocus.baselines.weights.store import find_weights
    from defocus.command_line.json_output import json_output
    from defocus.extras.export.export import export_weights

    if settings.target == "hub" and settings.tile is not None:
        raise click.UsageError("--tile belongs to graphs; --to hub writes none")
    with json_output() as output:
        system = plain_baseline(name)
        exported = export_weights(
            system,
            find_weights(system, settings.weights or OWN),
            settings.target,
            settings.out,
            settings.tile,
        )
        if settings.as_json:
            output.write(exported.to_json())
            return
    click.echo(exported.line())
