"""``defocus-data compensate``: make an aligned copy of a dataset."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from defocus.command_line.commands import FiniteRange, SectionedCommand
from defocus.command_line.json_output import json_output
from defocus.command_line.options import jobs_option
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import (
    USE_IT,
    at_most_option,
    json_option,
    largest_shift_option,
    out_option,
    without,
)
from defocus.datasets.commands.align import KERNEL_HELP, MODEL_HELP, PHOTOMETRIC_HELP, SCALE_HELP
from defocus.progress import counted, grouped, say

if TYPE_CHECKING:  # heavy at run time
    from defocus.datasets.pair import Pair

FILE = click.Path(path_type=Path)

SECTIONS = {
    "Measurement": ("--estimator", "--flow-weights", "--rig", "--at-most", "--largest-shift"),
    "Compensation": ("--model", "--scale", "--size", "--kernel", "--photometric"),
    "Output": ("--out", "--jobs", "--json"),
}


@help_heading("Improve")
@click.command("compensate", cls=SectionedCommand, sections=SECTIONS)
@click.argument("dataset")
@out_option("an unfinished run with the same settings")
@click.option("--model", type=click.Choice(["none", "global", "flow"]), help=MODEL_HELP)
@click.option("--scale", type=FiniteRange(0, 1, min_open=True), help=SCALE_HELP)
@click.option(
    "--size",
    type=click.Choice(["each", "common"]),
    default="each",
    show_default=True,
    help="What is kept: all that both members of each pair show, or the middle of it in one size "
    "for all pairs.",
)
@click.option("--kernel", type=click.Choice(["lanczos", "bicubic"]), help=KERNEL_HELP)
@click.option("--photometric", type=click.Choice(["match", "none"]), help=PHOTOMETRIC_HELP)
@click.option(
    "--estimator", help="Flow estimator: dis or pwcnet (the default with --flow-weights)."
)
@click.option("--flow-weights", "weights", type=FILE, help="Weights file for pwcnet.")
@click.option("--rig", "rig_file", type=FILE, help="Rig file, if two cameras took the pairs.")
@at_most_option
@largest_shift_option
@jobs_option("Number of pairs processed at once; each takes up to 1.5 GiB.", 2)
@json_option
def command(*, dataset: str, as_json: bool, **settings: Any) -> int:  # noqa: ANN401 - click's
    """Compensate the misalignment of every pair.

    The result is a new dataset. Pairs whose misalignment is unknown are left out and listed with
    the reason. Blurry pictures keep their pixels; sharp ones are resampled once. Run the same
    command again to continue an interrupted run. The exit code is 1 if a pair is left out because
    it cannot be read.
    """
    if not as_json:
        done, failed = _run(dataset, **settings)
        click.echo(f"{done['root']}: {counted(len(done['pairs']), 'pair')}")
        click.echo(USE_IT.format(done["root"]))
    else:
        with json_output() as output:
            done, failed = _run(dataset, **settings)
            output.write(done)
    return int(failed)


def _files(given: "Iterable[Pair]", made: "Iterable[Pair]") -> "Iterator[tuple[Path, Path]]":
    """Each picture that was read, with the one that was made of it."""
    originals = {pair.id: pair for pair in given}
    for pair in made:
        original = originals[pair.id]
        yield original.blurry, pair.blurry
        if original.sharp is not None and pair.sharp is not None:
            yield original.sharp, pair.sharp


def _run(
    name: str,
    *,
    out: Path,
    estimator: str | None,
    weights: Path | None,
    rig_file: Path | None,
    at_most: str | None,
    largest_px: float | None,
    size: Literal["each", "common"],
    jobs: int,
    **wanted: Any,  # noqa: ANN401 - fields of Release
) -> tuple[dict[str, Any], bool]:
    """What is printed, and whether a pair could not be read."""
    from defocus.datasets.api import open_dataset

    opened = open_dataset(name, damaged=True)

    # torch takes seconds to import: only once the dataset is known to be good
    from defocus.align.compensation.compensate import Release
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, flow_estimator
    from defocus.align.misalignment import RESTS_ON
    from defocus.align.registration.unknown_causes import advice, resting_on
    from defocus.align.rig import read_rig
    from defocus.blocks.derived import say_left_behind
    from defocus.datasets.commands._derived import say_member_warnings
    from defocus.datasets.deriving.compensate import compensate_dataset
    from defocus.datasets.measuring.kept import MotionLimits

    default = "pwcnet" if weights else DEFAULT_ESTIMATOR
    release = Release(**{key: value for key, value in wanted.items() if value is not None})
    done = compensate_dataset(
        opened,
        out,
        release,
        lambda: flow_estimator(estimator or default, weights),
        rig=None if rig_file is None else read_rig(rig_file),
        limits=MotionLimits.of(at_most, largest_px),
        size=size,
        jobs=jobs,
    )
    say_member_warnings(opened.pairs)
    lacking = say_left_behind(_files(opened.pairs, done.pairs))
    made: dict[str, Any] = {pair.id: pair.metadata["compensation"] for pair in done.pairs}
    resting = {
        name: resting_on(found["misalignment"][RESTS_ON])
        for name, found in made.items()
        if RESTS_ON in found["misalignment"]
    }
    for line in grouped(resting.items(), len(opened.pairs), "pair"):
        say(line)
    for pair_id, reason in done.left_out:
        helps = advice(reason)
        say(f"pair {pair_id} is left out: {reason}" + (f"; what helps: {helps}" if helps else ""))
    failed = without(opened, done.failed)
    left_out = [{"id": pair_id, "reason": reason} for pair_id, reason in done.left_out]
    told = {
        "root": str(done.root),
        "pairs": [pair.id for pair in done.pairs],
        "left_out": [*left_out, *(one.to_json() for one in failed)],
        "left_behind": [one.to_json() for one in lacking],
        "rest_on_largest_shift": list(resting),
        "sessions": [one.to_json() for one in done.sessions],
    }
    return told, bool(failed)
