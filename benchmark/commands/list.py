"""``defocus-bench list``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from defocus.baselines.card import Baseline

KINDS = (
    "kinds: reference (restores nothing), classical (no training), network (pixel loss), "
    "objective (a network with a special training objective), generative"
)


NUMBERS = frozenset({"parameters", "seconds", "MiB", "bf16"})


@click.command(name="list")
@click.option(
    "--measure",
    is_flag=True,
    help="Also run each system once at 512x512 px to measure seconds, memory besides the weights, "
    "and the error of bf16 against float32. Takes minutes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list on stdout.")
def command(*, measure: bool, as_json: bool) -> None:
    """List all registered systems."""
    from defocus.baselines.registry import all_baselines
    from defocus.command_line.commands import json_output
    from defocus.progress import track

    with json_output() as output:
        systems = [system for _, system in sorted(all_baselines().items())]
        rows = [_row(system) for system in systems]
        if measure:
            measured = track(systems, "measuring at 512x512")
            rows = [row | _measured(one) for row, one in zip(rows, measured, strict=True)]
        if as_json:
            output.write(rows)
    if not as_json:
        _show(rows)


def _row(system: "Baseline") -> dict[str, Any]:
    from defocus.baselines.size import parameter_count
    from defocus.extensions import plugin_of

    card = system.card
    plugin = plugin_of(system.source_hash)
    return {
        "name": card.name,
        "display_name": card.display_name,
        "kind": card.kind,
        "input": card.input,
        "needs": list(card.needs),
        "status": card.status,
        "variant_of": card.variant_of,
        "published_as": card.published_as,
        "parameters": parameter_count(system),
        "plugin": str(plugin.path) if plugin else None,
    }


def _measured(system: "Baseline") -> dict[str, Any]:
    from dataclasses import asdict

    from defocus.benchmark.cost.one_picture import measure_system
    from defocus.benchmark.training.train import best_device

    return asdict(measure_system(system, best_device()))


def _show(rows: list[dict[str, Any]]) -> None:
    columns = {
        "name": [row["name"] for row in rows],
        "system": [row["display_name"] for row in rows],
        "kind": [row["kind"] for row in rows],
        "input": [", ".join([row["input"], *row["needs"]]) for row in rows],
        "status": [row["status"] for row in rows],
        "parameters": [f"{row['parameters']:,}" for row in rows],
        "variant of": [row["variant_of"] or "" for row in rows],
    }
    if any(row["plugin"] for row in rows):
        columns["plug-in"] = [Path(row["plugin"] or "").name for row in rows]
    if rows and "seconds" in rows[0]:
        columns |= {
            "seconds": [f"{row['seconds']:.2f}" for row in rows],
            "MiB": [f"{row['peak_mib']:.0f}" for row in rows],
            "bf16": [_short(row["bf16_difference"]) for row in rows],
        }
    widths = {
        title: max(len(title), *(len(cell) for cell in cells), 0)
        for title, cells in columns.items()
    }
    click.echo("  ".join(f"{title:<{width}}" for title, width in widths.items()).rstrip())
    for cells in zip(*columns.values(), strict=True):
        line = "  ".join(
            f"{cell:>{width}}" if title in NUMBERS else f"{cell:<{width}}"
            for (title, width), cell in zip(widths.items(), cells, strict=True)
        )
        click.echo(line.rstrip())
    click.echo(KINDS)


def _short(difference: float | None) -> str:
    return "none" if difference is None else f"{difference:.1e}"
