"""defocus-data list."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from defocus.command_line.options import json_option
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import print_made


@help_heading("Open")
@click.command()
@click.argument("dataset", required=False)
@json_option("document")
def command(dataset: str | None, as_json: bool) -> int:
    """List datasets, or describe one.

    `list` shows the variants of the sample dataset and the readers. `list dpdd` shows source,
    licence, citation, counts and known defects. `list dpdd:PATH` checks that copy, lists missing
    and extra files, and exits with 1 if there are any. For your own datasets, such as `list
    pairs:PATH`, it counts the pairs, names those that are left out, and exits with 1 if there are
    any.
    """
    if dataset is None:
        return print_made(_kinds, _kind_lines, as_json=as_json)
    from defocus.datasets.describing import description

    described, lines = description(dataset)
    code = print_made(lambda: described, lambda _: lines, as_json=as_json)
    return int(described.get("complete") is False or bool(code))


def _kinds() -> list[dict[str, Any]]:
    from defocus.datasets.api import dataset_kinds

    return [asdict(kind) for kind in dataset_kinds()]


def _kind_lines(kinds: list[dict[str, Any]]) -> Iterator[str]:
    for kind in kinds:
        note = " (layout unverified)" if kind["layout"] == "unverified" else ""
        yield f"{kind['name']:<16} {kind['description'].removesuffix('.')}{note}."
