"""``defocus-bench maps``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.reports.model import Cell, Table

__all__ = ["command"]

SYSTEMS = ("ebdb", "jnb", "tvl2-2016")
"""Systems that estimate a map and need no training."""


@help_heading("Restore")
@click.command(name="maps")
@click.option(
    "--dataset",
    default="sample",
    show_default=True,
    help="Dataset with true defocus maps, as READER:PATH.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list on stdout.")
def command(*, dataset: str, as_json: bool) -> None:
    """Measure the error of estimated defocus maps.

    The error is the mean absolute error of the diameter of the circle of confusion, in pixels, over
    the test pairs.
    """
    from dataclasses import asdict

    from defocus.baselines.registry import baseline
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.benchmark.scoring.map_quality import map_error
    from defocus.command_line.json_output import json_output
    from defocus.datasets.api import open_dataset
    from defocus.errors import NotApplicableError

    with json_output() as output:
        pairs = [one for one in open_dataset(dataset).pairs if one.split == "test"]
        if not pairs or any(one.defocus_map is None for one in pairs):
            raise NotApplicableError(f"{dataset}: no test pairs with true defocus maps")
        rows = []
        for name in SYSTEMS:
            network = baseline(name).build().eval()
            rows += [
                {"name": name, "pair": pair.id, **asdict(map_error(network, pair))}
                for pair in pairs
            ]
        if as_json:
            output.write(rows)
    if not as_json:
        print_tables([_table(rows, dataset)])


def _table(rows: Sequence[dict[str, Any]], dataset: str) -> "Table":
    """Errors by picture, and each system's mean below its pictures."""
    from defocus.reports.model import Column, Table

    body: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys(row["name"] for row in rows):
        mine = [row for row in rows if row["name"] == name]
        body += [(name, row["pair"], row["everywhere"], row["edges"]) for row in mine]
        body.append((name, "mean", *(_mean(mine, place) for place in ("everywhere", "edges"))))
    columns = (
        Column("System"),
        Column("Picture"),
        Column("Everywhere", "px", "lower", 2),
        Column("At edges", "px", "lower", 2),
    )
    caption = f"{dataset}: mean absolute error of the diameter of the circle of confusion"
    return Table(caption, columns, tuple(body))


def _mean(rows: Sequence[dict[str, Any]], place: str) -> float | None:
    values = [row[place] for row in rows if row[place] is not None]
    return sum(values) / len(values) if values else None
