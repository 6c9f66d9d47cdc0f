"""``defocus-bench cost``."""

import re
from typing import TYPE_CHECKING

import click

from defocus.command_line.numbers import WholeRange
from defocus.command_line.options import json_option
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from defocus.benchmark.cost.counting import CostAtSize

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


def _sizes(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    given: tuple[str, ...],
) -> list[tuple[int, int]]:
    sizes = []
    for text in given:
        match = _SIZE.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"{text!r} is not a size; write it as 1680x1120")
        sizes.append((int(match[1]), int(match[2])))
    return sizes


@help_heading("Systems")
@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option(
    "--size",
    multiple=True,
    default=("256x256", "512x512"),
    show_default=True,
    callback=_sizes,
    metavar="WxH",
    help="Picture size in px; repeatable.",
)
@click.option(
    "--repeats",
    type=WholeRange(min=1),
    default=5,
    show_default=True,
    help="Number of timed passes per size, after one warm-up pass.",
)
@json_option("list")
def command(
    names: tuple[str, ...],
    size: list[tuple[int, int]],
    repeats: int,
    *,
    as_json: bool,
) -> None:
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
            costs += cost_by_size(system, size, device, repeats)
        if as_json:
            output.write([asdict(cost) for cost in costs])
    if not as_json:
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
    rows = tuple(
        (
            c.system,
            f"{c.width}x{c.height}",
            c.params_m,
            c.macs_g,
            c.peak_mib,
            c.seconds,
            _spread(c),
        )
        for c in costs
    )
    first = costs[0]
    threads, runs = (
        counted(first.threads, "thread"),
        counted(first.repeats, "timed run"),
    )
    caption = f"one picture on {first.device}, {threads}, {runs}"
    print_tables([Table.of(caption, columns, rows, "time: the median after a warm-up")])


def _spread(cost: "CostAtSize") -> str | None:
    if cost.seconds_q1 is None or cost.seconds_q3 is None:
        return None
    return f"{cost.seconds_q1:.4f} to {cost.seconds_q3:.4f}"
