"""Gains of weights over the blurry input on several datasets, beside the published ones."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from defocus.baselines.card import Baseline
from defocus.baselines.registry import baseline
from defocus.benchmark.leaderboard.rows import REVISION_DIGITS, Row
from defocus.benchmark.published.numbers import published_dataset
from defocus.benchmark.statistics.gains import INPUT
from defocus.benchmark.study.expansion import Expanded, open_several
from defocus.benchmark.study.plan import Run, Study, plan_runs, plan_weights
from defocus.benchmark.study.running.outcome import Outcome
from defocus.benchmark.study.running.run import run_studies
from defocus.benchmark.weights.store import StoredWeights
from defocus.datasets.api import reader_card
from defocus.datasets.files.picture_size import picture_size
from defocus.datasets.pair import Dataset
from defocus.files import make_folder
from defocus.progress import several

__all__ = ["COMPARED", "FIELD", "PROTOCOLS", "CrossGain", "cross_gains", "cross_plan", "in_field"]

Weighted = Sequence[tuple[Baseline, StoredWeights]]

FIELD = ("dpdd", "realdof", "lfdof")
"""The sets on which the field prints what was trained elsewhere."""

COMPARED = "gt"
"""The protocol of the printed numbers: the sharp picture as it is."""

PROTOCOLS = (COMPARED, "input-aligned")


@dataclass(frozen=True)
class CrossGain:
    """What weights gain on one dataset under one protocol, or why that was not measured.

    Attributes:
        system: Name of the system.
        trained_on: Names of the weights' training sets; empty if not known.
        dataset: Name of the dataset, or its address where it could not be opened.
        protocol: Protocol of the scores.
        profile: Profile of the scores.
        gain, low, high: Mean gain in PSNR and its confidence interval, dB; None without one.
        images, scenes: Number of pictures and scenes with a gain.
        pictures: Number of all test pictures.
        reason: Why there is no gain; empty if there is one.
        differs: Why the test pictures are not those of the published set; empty if they are.
    """

    system: str
    trained_on: tuple[str, ...]
    dataset: str
    protocol: str
    profile: str = ""
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    images: int = 0
    scenes: int = 0
    pictures: int = 0
    reason: str = ""
    differs: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def cross_plan(out: Path, texts: Sequence[str], weighted: Weighted) -> Expanded:
    """The studies that evaluate the input and the weights, one per dataset; nothing is trained.

    Args:
        out: Folder of the study.
        texts: Addresses of the datasets.
        weighted: The systems, each with its weights.
    """
    opened, problems = open_several(texts)
    studies = []
    for text, dataset in opened:
        runs = plan_runs([baseline(INPUT)], dataset, "paper")
        runs += [plan_weights(system, weights, dataset) for system, weights in weighted]
        studies.append(Study(out, dataset, runs, ["--dataset", text]))
    return Expanded(studies, problems)


def cross_gains(
    out: Path, texts: Sequence[str], weighted: Weighted
) -> tuple[list[CrossGain], Outcome, Sequence[Study]]:
    """Evaluate what is not evaluated yet, and read the gains; takes the same arguments.

    Returns:
        A gain, or the reason for none, per system, dataset and protocol; the outcome, with the
        problems of datasets that could not be opened; and the studies.

    Raises:
        StorageError: The disk is full or the folder not writable.
        InputError: The only dataset has an unreadable picture, or another process works there.
    """
    make_folder(out)
    plan = cross_plan(out, texts, weighted)
    opened = {study.options[-1] for study in plan.studies}
    unopened = dict(zip((text for text in texts if text not in opened), plan.problems, strict=True))
    outcome = run_studies(plan.studies) if plan.studies else Outcome([], [], [])
    gains = [
        _gain(run, study.dataset, protocol, outcome.rows)
        for study in plan.studies
        for run in study.runs
        if run.weights is not None
        for protocol in PROTOCOLS
    ]
    gains += [
        CrossGain(system.card.name, weights.trained_on, text, protocol, reason=str(problem))
        for text, problem in unopened.items()
        for system, weights in weighted
        for protocol in PROTOCOLS
    ]
    problems = [*plan.problems, *outcome.problems]
    return gains, replace(outcome, problems=problems), plan.studies


def _gain(run: Run, dataset: Dataset, protocol: str, rows: Sequence[Row]) -> CrossGain:
    assert run.weights is not None  # noqa: S101 - runs without are the input's
    trained_on, differs = run.weights.trained_on, _differs(dataset)
    here = (run.system, dataset.name, run.group[:REVISION_DIGITS])
    mine = [row for row in rows if (row.system, row.dataset, row.recipe) == here]
    scored = [row for row in mine if (row.protocol, row.metric) == (protocol, "psnr")]
    if not scored:
        status = next((row.status for row in mine if row.status != "ok"), "the run was not done")
        return CrossGain(
            run.system, trained_on, dataset.name, protocol, reason=status, differs=differs
        )
    row = scored[0]
    reason = "" if row.gain is not None else _without_gain(row)
    return CrossGain(
        run.system,
        trained_on,
        dataset.name,
        protocol,
        row.profile,
        row.gain,
        row.gain_low,
        row.gain_high,
        row.images if row.gain is not None else 0,
        row.scenes if row.gain is not None else 0,
        row.pictures,
        reason,
        differs or _partial(row),
    )


def _without_gain(row: Row) -> str:
    if row.status != "ok":
        return row.status
    return "the blurry input was not scored on these pictures"


def _partial(row: Row) -> str:
    if row.status.startswith("seen"):
        return row.status
    if row.images == row.pictures:
        return ""
    return f"{row.images} of {row.pictures} test pictures have a score ({row.left_out})"


def _differs(dataset: Dataset) -> str:
    """Why a dataset's test pictures are not the published ones, by their number and size."""
    name = published_dataset(dataset.name)
    if name not in FIELD:
        return "papers print nothing of this set"
    card, pairs = reader_card(dataset.name.partition(":")[0]), dataset.split("test")
    wanted = card.counts["test"]
    if len(pairs) != wanted:
        return f"{len(pairs)} of the published set's {wanted} test pictures"
    for whole in card.sizes[:1]:  # those of whole pictures come first
        sizes = {pair.id: picture_size(pair.blurry) for pair in pairs}
        odd = [pair for pair, size in sizes.items() if size and sorted(size) != sorted(whole)]
        if odd:
            return f"{several(odd)}: not {whole[0]}x{whole[1]} px as the published set has"
    return ""


def in_field(gains: Sequence[CrossGain], system: str, name: str) -> CrossGain | str:
    """What stands beside the published numbers of a set, or why nothing can.

    Args:
        gains: What was asked.
        system: Name of the system.
        name: One of :data:`FIELD`.
    """
    asked = [
        one
        for one in gains
        if (one.system, one.protocol) == (system, COMPARED)
        and published_dataset(one.dataset) == name
    ]
    fit = [one for one in asked if one.gain is not None and not one.differs]
    if fit:
        return fit[0]
    if not asked:
        return f"no {name} was given: add --dataset {name}:PATH"
    return f"{asked[0].dataset}: {asked[0].reason or asked[0].differs}"
