"""``defocus-bench studies maps``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.options import json_option

if TYPE_CHECKING:
    from defocus.datasets.pair import Pair
    from defocus.reports.model import Cell, Table

SYSTEMS = ("ebdb", "jnb", "tvl2-2016")
"""Systems that estimate a map and need no training."""


@click.command(name="maps")
@click.option(
    "--dataset",
    default="sample",
    show_default=True,
    help="Dataset with true defocus maps, as READER:PATH.",
)
@json_option("list")
def command(*, dataset: str, as_json: bool) -> int:
    """Measure the error of estimated defocus maps.

    The error is the mean absolute error of the diameter of the circle of confusion, in pixels, over
    the test pairs. Pairs that cannot be read are left out and listed; the exit code is then 1.
    """
    from dataclasses import asdict
    from functools import partial

    from defocus.baselines.registry import baseline
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.command_line.json_output import json_output
    from defocus.datasets.api import open_dataset
    from defocus.errors import NotApplicableError
    from defocus.extras.studies.map_quality import map_error
    from defocus.isolation import attempt, parted, say_left_out

    with json_output() as output:
        opened = open_dataset(dataset, damaged=True)
        pairs = opened.split("test")
        if not pairs or any(one.defocus_map is None for one in pairs):
            raise NotApplicableError(f"{dataset}: no test pairs with true defocus maps")
        networks = {name: baseline(name).build().eval() for name in SYSTEMS}

        def errors(pair: "Pair") -> "list[dict[str, Any]]":
            by_name = {name: map_error(network, pair) for name, network in networks.items()}
            return [{"name": n, "pair": pair.id, **asdict(one)} for n, one in by_name.items()]

        scored, failed = parted(attempt(pair.id, partial(errors, pair)) for pair in pairs)
        left_out = opened.without(failed)
        say_left_out(left_out, opened.total, "pair")
        if not scored:
            raise NotApplicableError(f"{dataset}: no test pair can be read")
        rows = [row for name in SYSTEMS for rows in scored for row in rows if row["name"] == name]
        if as_json:
            output.write([*rows, *({"pair": one.id, "left_out": one.reason} for one in left_out)])
    if not as_json:
        print_tables([_table(rows, dataset)])
    return int(bool(left_out))


def _table(rows: Sequence[dict[str, Any]], dataset: str) -> "Table":
    """Errors by picture, and each system's mean below its pictures."""
    from defocus.reports.model import Column, Table

    body: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys(row["name"] for row in rows):
        mine = [row for row in rows if row["name"] == name]
        body += [(name, row["pair"], row["everywhere"], row["edges"]) for row in mine]
        body.append((name, "mean", *(_mean(mine, place) for place in ("everywhere", "edges"))))
    columns = (
        "System",
        "Picture",
        Column("Everywhere", "px", "lower", 2),
        Column("At edges", "px", "lower", 2),
    )
    caption = f"{dataset}: mean absolute error of the diameter of the circle of confusion"
    return Table.of(caption, columns, body)


def _mean(rows: Sequence[dict[str, Any]], place: str) -> float | None:
    values = [row[place] for row in rows if row[place] is not None]
    return sum(values) / len(values) if values else None
