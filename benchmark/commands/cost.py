"""``defocus-bench cost``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from defocus.benchmark.commands._settings import CostSettings
    from defocus.benchmark.cost.counting import CostAtSize


@help_heading("Systems")
@click.command(cls=SettingsCommand)
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
def command(names: tuple[str, ...], settings: "CostSettings") -> None:
    """Measure the cost of systems by picture size.

    The cost is parameters, multiply-adds, memory and seconds.

    A GPU is used if there is one. Weights are random; they do not affect the cost.
    """
    from defocus.baselines.registry import plain_baseline
    from defocus.command_line.json_output import json_output
    from defocus.progress import track

    with json_output() as output:
        systems = [plain_baseline(name) for name in names]
        from dataclasses import asdict

        from defocus.benchmark.cost.counting import cost_by_size
        from defocus.training.devices import best_device

        device = best_device()
        costs: list[CostAtSize] = []
        for system in track(systems, "measuring"):
            costs += cost_by_size(system, settings.size, device, settings.repeats)
        if settings.as_json:
            output.write([asdict(cost) for cost in costs])
    if not settings.as_json:
        _show(costs)


def _show(costs: "Sequence[CostAtSize]") -> None:
    from defocus.benchmark.leaderboard.columns import column
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.progress import counted
    from defocus.reports.model import Column, Table

    columns = (
        "System",
        "Size",
        column("params_m", numbers=[c.params_m for c in costs]),
        column("macs_g"),
        column("peak_mib"),
        column("seconds", decimals=4),
        Column("Quartiles", "s"),
    )
    rows = []
    for cost in costs:
        size = f"{cost.width}x{cost.height}"
        measured = (cost.params_m, cost.macs_g, cost.peak_mib, cost.seconds)
        rows.append((cost.system, size, *measured, _spread(cost)))
    first = costs[0]
    threads = counted(first.threads, "thread")
    runs = counted(first.repeats, "timed run")
    caption = f"one picture on {first.device}, {threads}, {runs}"
    print_tables([Table.of(caption, columns, rows, "time: the median after a warm-up")])


def _spread(cost: "CostAtSize") -> str | None:
    if cost.seconds_q1 is None or cost.seconds_q3 is None:
        return None
    return f"{cost.seconds_q1:.4f} to {cost.seconds_q3:.4f}"
