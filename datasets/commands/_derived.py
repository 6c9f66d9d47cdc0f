"""Options of the commands that read pairs or make a dataset of others, and what they say."""

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import TYPE_CHECKING, Any, TypeVar

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import FOLDER, json_option
from defocus.command_line.where import on_option
from defocus.processes.isolation import LeftOut, say_left_out
from defocus.progress import counted, grouped, say, tally
from defocus.reading import Json

if TYPE_CHECKING:  # heavy at run time
    from defocus.datasets.audit.members import Warned
    from defocus.datasets.audit.run import Audit
    from defocus.datasets.pair import Dataset, Pair
    from defocus.processes.machines import Where

MODELS = "defocus.datasets.commands._settings"
"""Settings models of commands, which the list of commands does not import."""

T = TypeVar("T")

USE_IT = "use it with --dataset manifest:{}"


def out_option(unfinished: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--out`` of a command whose folder may be one of an earlier run."""
    return click.option(
        "--out",
        required=True,
        type=FOLDER,
        help=f"Folder of the new dataset: new, empty, or {unfinished}.",
    )


def audit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--estimator``, ``--on`` and ``--json`` of a command that uses an audit."""
    estimator = click.option(
        "--estimator", help="Flow estimator used by the audit: dis or pwcnet."
    )
    return estimator(
        on_option("Number of pairs measured at once.", 2)(json_option()(command))
    )


def audited(
    name: str, estimator: str | None, where: "Where"
) -> "tuple[Dataset, Audit]":
    """A dataset and its audit; pairs without any measurement are reported."""
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
    from defocus.datasets.api import open_dataset

    dataset = open_dataset(name, damaged=True)

    # torch takes seconds to import: only once the dataset is known to be good
    from defocus.datasets.audit.run import audit_dataset

    audit = audit_dataset(dataset, estimator or DEFAULT_ESTIMATOR, where)
    say_left_out(audit.left_out, audit.total, "pair")
    return dataset, audit


def print_made(
    make: Callable[[], T], lines: Callable[[T], Iterable[str]], *, as_json: bool
) -> int:
    """Make something and print it, as JSON or as lines; the exit code is 1 if pairs are missing."""
    if as_json:
        with json_output() as output:
            document = make()
            output.write(document)
    else:
        document = make()
        for line in lines(document):
            click.echo(line)
    return int(isinstance(document, Mapping) and bool(document.get("left_out")))


def counts_line(document: Json) -> str:
    """Folder and number of pairs of a dataset that was made, with those of its splits."""
    counts: Mapping[str, int] = document["counts"]
    pairs = counted(sum(counts.values()), "pair")
    return f"{document['root']}: {pairs} ({tally(counts)})"


def without(dataset: "Dataset", failed: Iterable[LeftOut] = ()) -> tuple[LeftOut, ...]:
    """Say which pairs of a dataset a command did without, and return them."""
    left_out = dataset.without(failed)
    say_left_out(left_out, dataset.total, "pair")
    return left_out


def say_member_warnings(pairs: "tuple[Pair, ...]") -> None:
    """Say what is odd about the files of pairs, by their headers; nothing where all is well."""
    from defocus.datasets.audit.members import warnings_of

    say_warnings(warnings_of(pairs), pairs)


def say_warnings(warnings: "Iterable[Warned]", of: Sized) -> None:
    """Say warnings that an audit has found already, the repeated ones in one line."""
    for line in grouped((one.finding for one in warnings), len(of), "pair"):
        say(line)
