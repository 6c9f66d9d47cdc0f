"""Options of the commands that read pairs or make a dataset of others, and what they say."""

from collections.abc import Callable, Iterable, Mapping, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.commands import FiniteRange
from defocus.command_line.json_output import json_output
from defocus.isolation import LeftOut, say_left_out
from defocus.progress import counted, grouped, say

if TYPE_CHECKING:  # heavy at run time
    from defocus.datasets.audit.members import Warned
    from defocus.datasets.pair import Dataset, Pair

at_most_option = click.option(
    "--at-most",
    "at_most",
    type=click.Choice(["translation", "similarity", "affine", "homography"]),
    help="Richest model of the global transform (default homography). A tripod and one lens leave "
    "no more than a similarity.",
)
largest_shift_option = click.option(
    "--largest-shift",
    "largest_px",
    type=FiniteRange(0, min_open=True),
    help="Largest shift of any point in px, if you know it. Textures that repeat at a larger "
    "distance can then be measured; a result that moves a corner farther is unknown. Too small a "
    "number gives a wrong shift.",
)


Document = dict[str, Any]

USE_IT = "use it with --dataset manifest:{}"

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def out_option(unfinished: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--out`` of a command whose folder may be one of an earlier run."""
    return click.option(
        "--out",
        required=True,
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help=f"Folder of the new dataset: new, empty, or {unfinished}.",
    )


def print_made(
    make: Callable[[], Document], lines: Callable[[Document], Iterable[str]], *, as_json: bool
) -> Document:
    """Make a dataset and print what was made, as one JSON object or as lines."""
    if as_json:
        with json_output() as output:
            document = make()
            output.write(document)
        return document
    document = make()
    for line in lines(document):
        click.echo(line)
    return document


def counts_line(document: Document) -> str:
    """Folder and number of pairs of a dataset that was made, with those of its splits."""
    counts: Mapping[str, int] = document["counts"]
    parts = ", ".join(f"{number} {split}" for split, number in counts.items())
    return f"{document['root']}: {counted(sum(counts.values()), 'pair')} ({parts})"


def without(dataset: "Dataset", failed: Iterable[LeftOut] = ()) -> tuple[LeftOut, ...]:
    """Say which pairs of a dataset a command did without, and return them."""
    left_out = dataset.without(failed)
    say_left_out(left_out, dataset.found, "pair")
    return left_out


def say_member_warnings(pairs: "tuple[Pair, ...]") -> None:
    """Say what is odd about the files of pairs, by their headers; nothing where all is well."""
    from defocus.datasets.audit.members import warnings_of

    say_warnings(warnings_of(pairs), pairs)


def say_warnings(found: "Iterable[Warned]", of: Sized) -> None:
    """Say warnings that an audit has found already, the repeated ones in one line."""
    for line in grouped((one.finding for one in found), len(of), "pair"):
        say(line)
