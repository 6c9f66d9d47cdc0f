"""``defocus-bench export-weights``."""

from pathlib import Path

import click

from defocus.command_line.numbers import WholeRange
from defocus.command_line.options import OneOf, json_option
from defocus.command_line.verbs import help_heading


@help_heading("Systems")
@click.command("export-weights")
@click.argument("name")
@click.option(
    "--to",
    "target",
    type=OneOf(["onnx", "dtmodel", "hub"]),
    required=True,
    help="onnx: one file for ONNX Runtime. dtmodel: a package for darktable's neural restore. "
    "hub: a folder for Hugging Face.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File for onnx; folder for dtmodel and hub.",
)
@click.option(
    "--weights",
    metavar="LABEL_OR_FILE",
    help="Weights to export; by default those that the package ships.",
)
@click.option(
    "--tile",
    type=WholeRange(min=64),
    metavar="PX",
    help="Make a graph for squares of this side only. By default, an ONNX file takes any size if "
    "the network allows it, and a package for darktable 512 px.",
)
@json_option()
def command(
    name: str,
    target: str,
    out: Path,
    weights: str | None,
    tile: int | None,
    *,
    as_json: bool,
) -> None:
    """Write weights as files of other tools.

    NAME is a system. An ONNX graph is written only if ONNX Runtime and PyTorch agree to 1e-4 of the
    range of values; the line says how its time compares.
    """
    from defocus.baselines.registry import plain_baseline
    from defocus.baselines.weights.own import OWN
    from defocus.baselines.weights.store import find_weights
    from defocus.command_line.json_output import json_output
    from defocus.extras.export.export import export_weights

    if target == "hub" and tile is not None:
        raise click.UsageError("--tile belongs to graphs; --to hub writes none")
    with json_output() as output:
        system = plain_baseline(name)
        exported = export_weights(
            system,
            find_weights(system, weights or OWN),
            target,
            out,
            tile,
        )
        if as_json:
            output.write(exported.to_json())
    if not as_json:
        click.echo(exported.line())
