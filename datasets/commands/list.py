"""defocus-data list."""

from dataclasses import asdict

import click

from defocus.commandline import json_output

__all__ = ["command"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def command(as_json: bool) -> None:
    """List what a DATASET can be: the sample dataset's variants and the readers."""
    from defocus.datasets.api import dataset_kinds

    if as_json:
        with json_output() as output:
            output.write([asdict(kind) for kind in dataset_kinds()])
        return
    for kind in dataset_kinds():
        click.echo(f"{kind.name:<16} {kind.description}")
