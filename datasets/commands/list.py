"""defocus-data list."""

from dataclasses import asdict

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.verbs import help_heading


@help_heading("Open")
@click.command()
@click.argument("dataset", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(dataset: str | None, as_json: bool) -> int:
    """List datasets, or describe one.

    `list` shows the variants of the sample dataset and the readers. `list dpdd` shows source,
    licence, citation, counts and known defects. `list dpdd:PATH` checks that copy, lists missing
    and extra files, and exits with 1 if there are any. For your own datasets, such as `list
    pairs:PATH`, it counts the pairs, names those that are left out, and exits with 1 if there are
    any.
    """
    if dataset is None:
        _list_kinds(as_json)
        return 0
    from defocus.datasets.describing import description

    described, lines = description(dataset)
    if as_json:
        with json_output() as output:
            output.write(described)
    else:
        for line in lines:
            click.echo(line)
    return int(described.get("complete") is False or bool(described.get("left_out")))


def _list_kinds(as_json: bool) -> None:
    from defocus.datasets.api import dataset_kinds

    if as_json:
        with json_output() as output:
            output.write([asdict(kind) for kind in dataset_kinds()])
        return
    for kind in dataset_kinds():
        note = " (layout unverified)" if kind.layout == "unverified" else ""
        click.echo(f"{kind.name:<16} {kind.description}{note}")
