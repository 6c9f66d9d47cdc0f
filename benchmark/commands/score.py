"""``defocus-bench score``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from defocus.benchmark.external_results.scoring import Scoring

__all__ = ["command"]

_FOLDER = click.Path(path_type=Path)


@click.command()
@click.option(
    "--restored", required=True, type=_FOLDER, metavar="DIR", help="Folder of restored pictures."
)
@click.option("--sharp", type=_FOLDER, metavar="DIR", help="Folder of the sharp pictures.")
@click.option(
    "--dataset", metavar="DATASET", help="Instead of --sharp: the test pairs of READER:PATH."
)
@click.option(
    "--profile",
    "name",
    default="defocus-v1",
    show_default=True,
    metavar="NAME",
    help="Conventions of the metrics: defocus-v1, dpdd16, dpdd8, dpdd8-crop16, png8, jdrl-sdd, "
    "jdrl-sdd-fixed or basicsr.",
)
@click.option(
    "--metric",
    "names",
    multiple=True,
    metavar="NAME",
    help="Compute this metric too, such as lpips_vgg or musiq; repeatable.",
)
@click.option(
    "--flow-weights",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="PWC-Net weights of the JDRL profiles; those of the package by default.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --dataset and --name: make a row of this study's leaderboard, too.",
)
@click.option("--name", "row_name", metavar="TEXT", help="With --out: the row's name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    restored: Path,
    sharp: Path | None,
    dataset: str | None,
    name: str,
    names: tuple[str, ...],
    flow_weights: Path | None,
    out: Path | None,
    row_name: str | None,
    *,
    as_json: bool,
) -> int:
    """Score restored pictures that were made elsewhere, without training or restoring anything.

    Files are matched by their names without suffix. The exit code is 1 when some are missing. A
    row of a leaderboard says that it was made elsewhere and has no rank.
    """
    if (sharp is None) == (dataset is None):
        raise click.UsageError("give either --sharp DIR or --dataset DATASET")
    if (out is None) != (row_name is None) or (out is not None and dataset is None):
        raise click.UsageError("a row of a study needs --out, --name and --dataset")
    from defocus.benchmark.external_results.request import score_request
    from defocus.commandline import json_output
    from defocus.files import require_writable

    if out is not None:
        require_writable(out)
    with json_output() as output:
        scoring = score_request(restored, sharp, dataset, name, names, flow_weights)
        if out is not None and row_name is not None and dataset is not None:
            from defocus.benchmark.external_results.row import record_scoring

            record_scoring(out, row_name, dataset, scoring, flow_weights)
        if as_json:
            output.write(scoring.to_json())
    if not as_json:
        _show(scoring)
    return 1 if scoring.missing else 0


def _show(scoring: "Scoring") -> None:
    from defocus.benchmark.external_results.table import scoring_table
    from defocus.benchmark.leaderboard.terminal import print_tables

    print_tables([scoring_table(scoring)])
    for title, names in (("missing", scoring.missing), ("extra", scoring.extra)):
        if names:
            click.echo(f"{title}: {', '.join(names)}")
