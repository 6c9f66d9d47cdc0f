"""defocus-data list."""

from dataclasses import asdict

import click

from defocus.commandline import json_output

__all__ = ["command"]


@click.command()
@click.argument("dataset", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(dataset: str | None, as_json: bool) -> int:
    """List what a DATASET can be; or show what is known of a reader's set, or of a copy of it.

    `list` names the sample dataset's variants and the readers. `list dpdd` shows source, licence,
    citation, counts and known defects. `list dpdd:PATH` looks whether that copy is complete, names
    what is missing or too much, and gives exit code 1 when something is. Of your own sets, such as
    `list pairs:PATH`, it counts the pairs.
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
    return int(described.get("complete") is False)


def _list_kinds(as_json: bool) -> None:
    from defocus.datasets.api import dataset_kinds

    if as_json:
        with json_output() as output:
            output.write([asdict(kind) for kind in dataset_kinds()])
        return
    for kind in dataset_kinds():
        note = " (layout unverified)" if kind.layout == "unverified" else ""
        click.echo(f"{kind.name:<16} {kind.description}{note}")
