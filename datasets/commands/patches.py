"""defocus-data patches."""

from pathlib import Path
from typing import Any

import click

from defocus.command_line.commands import FiniteRange
from defocus.command_line.json_output import json_output
from defocus.command_line.options import jobs_option
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._member_warnings import without
from defocus.progress import counted, say

__all__ = ["command"]


@help_heading("Improve")
@click.command()
@click.argument("dataset")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the new dataset: new, empty, or an unfinished run with the same settings.",
)
@click.option(
    "--scheme",
    type=click.Choice(["dpdd", "sdd"]),
    default="dpdd",
    show_default=True,
    help="dpdd: 512 px, overlap 0.6, with a last row and column at the border. sdd: downscaled to "
    "0.70, without that row and column. Both drop the least sharp 30 % of the patches of a "
    "training picture.",
)
@click.option("--side", "side_px", type=click.IntRange(16), help="Side of a patch, px.")
@click.option(
    "--overlap",
    type=FiniteRange(0, 1, max_open=True),
    help="Overlap of neighbouring training patches.",
)
@click.option(
    "--drop",
    type=FiniteRange(0, 1, max_open=True),
    help="Share of the least sharp patches to drop.",
)
@click.option(
    "--scale",
    type=FiniteRange(0, 1, min_open=True),
    help="Scale to which pictures are reduced first.",
)
@jobs_option("Number of pictures cut at once.", 2)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(dataset: str, *, as_json: bool, **settings: Any) -> int:  # noqa: ANN401 - click's
    """Cut the pictures of DATASET into patches.

    Training and validation pictures are downscaled in linear light without aliasing, then cut. Test
    pictures stay whole. Run the same command again to continue an interrupted run. The exit code is
    1 if a pair is left out because it cannot be read.
    """
    if not as_json:
        done = _cut(dataset, **settings)
        counts = ", ".join(f"{number} {split}" for split, number in done["counts"].items())
        click.echo(f"{done['root']}: {counted(sum(done['counts'].values()), 'pair')} ({counts})")
        click.echo(f"use it with --dataset manifest:{done['root']}")
    else:
        with json_output() as output:
            done = _cut(dataset, **settings)
            output.write(done)
    return int(bool(done["left_out"]))


def _cut(name: str, *, out: Path, scheme: str, jobs: int, **wanted: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of Scheme
    from dataclasses import replace

    from defocus.datasets.api import open_dataset

    opened = open_dataset(name, damaged=True)

    from defocus.datasets.commands._member_warnings import say_member_warnings
    from defocus.datasets.cutting import SCHEMES, cut_dataset
    from defocus.datasets.pair import split_counts

    given = {key: value for key, value in wanted.items() if value is not None}
    chosen = replace(SCHEMES[scheme], **given)
    done = cut_dataset(opened, out, chosen, jobs)
    say_member_warnings(opened.pairs)
    left_out = without(opened, done.left_out)
    for pair_id in done.too_small:
        say(f"pair {pair_id} is left out: it is smaller than a patch of {chosen.side_px} px")
    counts = split_counts(done.pairs)
    return {
        "root": str(done.root),
        "counts": counts,
        "too_small": list(done.too_small),
        "left_out": [one.to_json() for one in left_out],
    }
