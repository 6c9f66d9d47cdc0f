"""defocus-data patches."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.numbers import FiniteRange, WholeRange
from defocus.command_line.options import OneOf, json_option
from defocus.command_line.verbs import help_heading
from defocus.command_line.where import on_option
from defocus.datasets.commands._derived import (
    USE_IT,
    counts_line,
    out_option,
    print_made,
    say_member_warnings,
    without,
)
from defocus.progress import say

if TYPE_CHECKING:  # it imports pydantic
    from defocus.processes.machines import Where


@help_heading("Improve")
@click.command()
@click.argument("dataset")
@out_option("an unfinished run with the same settings")
@click.option(
    "--scheme",
    type=OneOf(["dpdd", "sdd"]),
    default="dpdd",
    show_default=True,
    help="dpdd: 512 px, overlap 0.6, with a last row and column at the border. sdd: downscaled to "
    "0.70, without that row and column. Both drop the least sharp 30 % of the patches of a "
    "training picture.",
)
@click.option("--side", "side_px", type=WholeRange(16), help="Side of a patch, px.")
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
@on_option("Number of pictures cut at once.", 2)
@json_option()
def command(dataset: str, *, as_json: bool, **settings: Any) -> int:  # noqa: ANN401 - click's
    """Cut the pictures of DATASET into patches.

    Training and validation pictures are downscaled in linear light without aliasing, then cut. Test
    pictures stay whole. Run the same command again to continue an interrupted run. The exit code is
    1 if a pair is left out because it cannot be read.
    """
    return print_made(
        lambda: _cut(dataset, **settings),
        lambda result: (counts_line(result), USE_IT.format(result["root"])),
        as_json=as_json,
    )


def _cut(
    name: str,
    *,
    out: Path,
    scheme: str,
    where: "Where",
    **wanted: Any,  # noqa: ANN401 - fields of Scheme
) -> dict[str, Any]:
    from dataclasses import replace

    from defocus.datasets.api import open_dataset

    opened = open_dataset(name, damaged=True)

    from defocus.datasets.cutting import SCHEMES, cut_dataset
    from defocus.datasets.pair import split_counts

    typed = {key: value for key, value in wanted.items() if value is not None}
    chosen = replace(SCHEMES[scheme], **typed)
    patches = cut_dataset(opened, out, chosen, where)
    say_member_warnings(opened.pairs)
    left_out = without(opened, patches.left_out)
    for pair_id in patches.too_small:
        say(
            f"pair {pair_id} is left out: it is smaller than a patch of {chosen.side_px} px"
        )
    return {
        "root": str(patches.root),
        "counts": split_counts(patches.pairs),
        "too_small": list(patches.too_small),
        "left_out": [one.to_json() for one in left_out],
    }
