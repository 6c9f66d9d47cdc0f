"""``defocus-bench maps``."""

import click

SYSTEMS = ("ebdb", "jnb", "tvl2-2016")
"""Systems that estimate a map and need no training."""


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
    from defocus.benchmark.scoring.map_quality import map_error
    from defocus.command_line.commands import json_output
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
            return
        for row in rows:
            edges = "-" if row["edges"] is None else f"{row['edges']:.2f}"
            click.echo(f"{row['name']:12} {row['pair']:16} {row['everywhere']:.2f} {edges}")
