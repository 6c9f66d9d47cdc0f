"""``defocus-bench studies maps``."""

from collections.abc import Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.extras.studies.options import MapsSettings
    from defocus.reports.model import Cell, Table


@click.command(
    name="maps",
    cls=SettingsCommand,
    models="defocus.extras.studies.options",
)
def command(settings: "MapsSettings") -> int:
    """Measure the error of estimated defocus maps.

    The error is the mean absolute error of the diameter of the circle of confusion, in pixels, over
    the test pairs. Pairs that cannot be read are left out and listed; the exit code is then 1.
    """
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.cluster.dispatcher import each
    from defocus.command_line.json_output import json_output
    from defocus.datasets.api import open_dataset
    from defocus.errors import NotApplicableError
    from defocus.extras.studies.map_quality import SYSTEMS, map_errors
    from defocus.processes.isolation import parted, say_left_out
    from defocus.progress import track

    dataset = settings.dataset
    with json_output() as output:
        opened = open_dataset(dataset, damaged=True)
        pairs = opened.split("test")
        if not pairs or any(one.defocus_map is None for one in pairs):
            raise NotApplicableError(f"{dataset}: no test pairs with true defocus maps")
        items = {pair.id: pair for pair in pairs}
        results = dict(
            track(each(map_errors, items, settings.where), "maps", len(items))
        )
        scored, failed = parted(results[pair.id] for pair in pairs)
        left_out = opened.without(failed)
        say_left_out(left_out, opened.total, "pair")
        if not scored:
            raise NotApplicableError(f"{dataset}: no test pair can be read")
        order = list(SYSTEMS)
        every = chain.from_iterable(scored)
        rows = sorted(every, key=lambda row: order.index(row["name"]))
        if settings.as_json:
            unread = [{"pair": one.id, "left_out": one.reason} for one in left_out]
            output.write([*rows, *unread])
    if not settings.as_json:
        print_tables([_table(rows, dataset)])
    return int(bool(left_out))


def _table(rows: Sequence[dict[str, Any]], dataset: str) -> "Table":
    """Errors by picture, and each system's mean below its pictures."""
    from defocus.reports.model import Column, Table

    body: list[tuple[Cell, ...]] = []
    for name, group in groupby(rows, key=itemgetter("name")):
        mine = list(group)
        body += map(itemgetter("name", "pair", "everywhere", "edges"), mine)
        body.append((name, "mean", _mean(mine, "everywhere"), _mean(mine, "edges")))
    columns = (
        "System",
        "Picture",
        Column("Everywhere", "px", "lower", 2),
        Column("At edges", "px", "lower", 2),
    )
    caption = (
        f"{dataset}: mean absolute error of the diameter of the circle of confusion"
    )
    return Table.of(caption, columns, body)


def _mean(rows: Sequence[dict[str, Any]], place: str) -> float | None:
    values = [row[place] for row in rows if row[place] is not None]
    return sum(values) / len(values) if values else None
