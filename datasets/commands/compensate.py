"""``defocus-data compensate``: make an aligned copy of a dataset."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import (
    USE_IT,
    print_made,
    say_member_warnings,
    without,
)
from defocus.progress import counted, grouped, say
from defocus.reading import Json

if TYPE_CHECKING:  # heavy at run time
    from defocus.datasets.commands._settings import CompensateSettings
    from defocus.datasets.deriving.compensate import Compensated
    from defocus.datasets.pair import Dataset, Pair
    from defocus.processes.isolation import LeftOut


@help_heading("Improve")
@click.command("compensate", cls=SettingsCommand)
@click.argument("dataset")
def command(dataset: str, settings: "CompensateSettings") -> int:
    """Compensate the misalignment of every pair.

    The result is a new dataset. Pairs whose misalignment is unknown are left out and listed with
    the reason. Blurry pictures keep their pixels; sharp ones are resampled once. Run the same
    command again to continue an interrupted run. The exit code is 1 if a pair is left out because
    it cannot be read.
    """
    failed: list[LeftOut] = []
    print_made(
        lambda: _run(dataset, settings, failed), _lines, as_json=settings.as_json
    )
    return int(bool(failed))


def _lines(document: Json) -> tuple[str, str]:
    root = document["root"]
    return f"{root}: {counted(len(document['pairs']), 'pair')}", USE_IT.format(root)


def _files(
    originals: "Iterable[Pair]", compensated: "Iterable[Pair]"
) -> "Iterator[tuple[Path, Path]]":
    """Each picture that was read, with the picture made from it."""
    from defocus.datasets.pair import by_id

    original_of = by_id(originals)
    for pair in compensated:
        original = original_of[pair.id]
        yield original.blurry, pair.blurry
        if original.sharp is not None and pair.sharp is not None:
            yield original.sharp, pair.sharp


def _run(name: str, settings: "CompensateSettings", failed: "list[LeftOut]") -> Json:
    """The document that ``--json`` prints; pairs that could not be read go into ``failed``."""
    from defocus.cluster.dispatcher import start_early
    from defocus.datasets.api import open_dataset

    opened = open_dataset(name, damaged=True)
    start_early("defocus.datasets.deriving.compensate", settings.where)

    from defocus.pictures.carried import say_left_behind

    result = _compensated(settings, opened)
    say_member_warnings(opened.pairs)
    lacking = say_left_behind(_files(opened.pairs, result.pairs))
    compensation: Json = {
        pair.id: pair.metadata["compensation"] for pair in result.pairs
    }
    resting = _say_doubts(compensation, opened, result)
    failed += without(opened, result.failed)
    left_out = [
        {"id": pair_id, "reason": reason} for pair_id, reason in result.left_out
    ]
    return {
        "root": str(result.root),
        "pairs": list(compensation),
        "left_out": [*left_out, *(one.to_json() for one in failed)],
        "left_behind": documents_of(lacking),
        "rest_on_largest_shift": list(resting),
        "sessions": documents_of(result.sessions),
    }


def _compensated(settings: "CompensateSettings", opened: "Dataset") -> "Compensated":
    """Compensate the dataset as the options say."""
    # torch takes seconds to import: only once the dataset is known to be good
    from defocus.align.compensation.compensate import Release
    from defocus.align.flow.by_name import NamedFlow
    from defocus.align.rig import read_rig
    from defocus.datasets.deriving.compensate import Cameras, compensate_dataset

    rig = None if settings.rig_file is None else read_rig(settings.rig_file)
    return compensate_dataset(
        opened,
        settings.out,
        Release(**settings.release),
        NamedFlow(settings.flow, settings.flow_weights),
        cameras=Cameras(rig, settings.limits),
        size=settings.size,
        where=settings.where,
    )


def _say_doubts(
    compensation: Json, opened: "Dataset", result: "Compensated"
) -> dict[str, str]:
    """Say which pairs rest on the largest shift (returned by name), and which are left out."""
    from defocus.align.misalignment import RESTS_ON
    from defocus.align.registration.unknown_causes import advice, resting_on

    resting = {}
    for name, record in compensation.items():
        misalignment = record["misalignment"]
        if RESTS_ON in misalignment:
            resting[name] = resting_on(misalignment[RESTS_ON])
    for line in grouped(resting.items(), len(opened.pairs), "pair"):
        say(line)
    for pair_id, reason in result.left_out:
        helps = advice(reason)
        say(
            f"pair {pair_id} is left out: {reason}"
            + (f"; what helps: {helps}" if helps else "")
        )
    return resting
