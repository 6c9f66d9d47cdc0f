"""Gains of weights over the blurry input on several datasets, beside the published ones."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any

from defocus.baselines.card import Baseline
from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.scales import with_scales
from defocus.baselines.weights.own import OWN
from defocus.baselines.weights.store import StoredWeights, find_weights, shipped_weights
from defocus.benchmark.published.numbers import published_dataset
from defocus.benchmark.results.store import Results
from defocus.benchmark.statistics.scored_group import (
    GAINED,
    INPUT,
    Gain,
    ScoredGroup,
    gains,
    scored_group,
)
from defocus.benchmark.study.expansion import Expanded, open_several
from defocus.benchmark.study.outcome import Outcome
from defocus.benchmark.study.plan import Study, plan_runs, plan_weights
from defocus.benchmark.study.run import run_studies
from defocus.datasets.api import reader_card
from defocus.datasets.pair import Dataset
from defocus.pictures.headers import readable_size
from defocus.processes.machines import Where
from defocus.progress import several
from defocus.storage.files import make_folder

Weighted = Sequence[tuple[Baseline, StoredWeights]]

FIELD = ("dpdd", "realdof", "lfdof")
"""The datasets on which the field prints scores of networks that were trained elsewhere."""

COMPARED = "gt"
"""The protocol of the printed numbers: the sharp picture as it is."""

PROTOCOLS = (COMPARED, "input-aligned")


@dataclass(frozen=True)
class CrossGain:
    """Gain of weights on one dataset under one protocol, or why it was not measured."""

    system: str
    # names of the weights' training sets; empty if not known
    trained_on: tuple[str, ...]
    dataset: str  # name of the dataset, or its address where it could not be opened
    protocol: str  # protocol of the scores
    profile: str = ""  # profile of the scores
    # gain, low, high: mean gain in PSNR and its confidence interval, dB; None without one
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    # images, scenes: number of pictures and scenes with a gain
    images: int = 0
    scenes: int = 0
    pictures: int = 0  # number of all test pictures
    reason: str = ""  # why there is no gain; empty if there is one
    differs: str = ""  # why the test pictures are not those of the published set; empty if they are

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def cross_plan(out: Path, texts: Sequence[str], weighted: Weighted) -> Expanded:
    """The studies that evaluate the input and the weights, one per dataset; nothing is trained."""
    opened, problems = open_several(texts)
    studies = []
    for text, dataset in opened:
        runs = plan_runs([baseline(INPUT)], dataset, "paper")
        runs += [plan_weights(system, weights, dataset) for system, weights in weighted]
        studies.append(Study(out, dataset, runs, ["--dataset", text]))
    return Expanded(studies, problems)


def cross_gains(
    out: Path,
    texts: Sequence[str],
    weighted: Weighted,
    where: Where | None = 1,
) -> tuple[list[CrossGain], Outcome, Sequence[Study]]:
    """Evaluate what is not evaluated yet, and read the gains, or why there is none.

    The outcome has the problems of datasets that could not be opened."""
    make_folder(out)
    plan = cross_plan(out, texts, weighted)
    opened = {study.options[-1] for study in plan.studies}
    unopened = [text for text in texts if text not in opened]
    all_gains: list[CrossGain] = []

    def conclude(results: Results) -> None:
        for study in plan.studies:
            all_gains.extend(_read(study, results))

    outcome = Outcome([], [], [])
    if plan.studies:
        outcome = run_studies(plan.studies, conclude=conclude, where=where)
    for text, problem in zip(unopened, plan.problems, strict=True):
        all_gains += _without_dataset(text, str(problem), weighted)
    problems = [*plan.problems, *outcome.problems]
    return all_gains, replace(outcome, problems=problems), plan.studies


def _without_dataset(text: str, problem: str, weighted: Weighted) -> list[CrossGain]:
    """Why there are no gains on a dataset that could not be opened."""
    rows = []
    for system, weights in weighted:
        name = row_name(system.card.name, weights)
        for protocol in PROTOCOLS:
            row = CrossGain(
                name,
                weights.trained_on,
                text,
                protocol,
                reason=problem,
            )
            rows.append(row)
    return rows


def _read(study: Study, results: Results) -> list[CrossGain]:
    """The gains of these very runs: the folder's leaderboard shows later ones of other weights."""
    entries = results.entries_by_run()
    groups: list[ScoredGroup] = []
    numbers = {}
    for run in study.runs:
        if run.id in entries:
            numbers[run.id] = len(groups)
            groups.append(scored_group(results, [entries[run.id]]))
    by_line = gains(groups)
    # reads the head of each picture: once for all runs
    differs = _differs(study.dataset)
    rows = []
    for run in study.runs:
        if run.weights is None:
            continue
        number = numbers.get(run.id)
        for protocol in PROTOCOLS:
            name = row_name(run.system, run.weights)
            one = CrossGain(
                name,
                run.weights.trained_on,
                study.dataset.name,
                protocol,
                differs=differs,
            )
            if number is None:
                rows.append(replace(one, reason="the run was not done"))
            else:
                rows.append(_filled(one, groups[number], _of_group(by_line, number)))
    return rows


def _of_group(by_line: Mapping[tuple[int, int], Gain], number: int) -> dict[int, Gain]:
    """The gains of one group, by their line."""
    return {line: gain for (group, line), gain in by_line.items() if group == number}


def _filled(
    one: CrossGain,
    group: ScoredGroup,
    by_line: Mapping[int, Gain],
) -> CrossGain:
    """A gain with the number of its protocol, or the reason why there is none."""
    entry = group.entries[0]
    pictures = len(group.pictures)
    line = _line_of(group, one.protocol)
    gain = None if line is None else by_line.get(line)
    seen = "" if entry.status == "ok" else entry.status
    if line is None or gain is None:
        unscored = group.places[line].reason if line is not None else ""
        reason = seen or unscored or "the input has no score"
        return replace(one, pictures=pictures, reason=reason)
    scenes = _scenes(group, line)
    partial = ""
    if len(scenes) < pictures:
        partial = f"{len(scenes)} of {pictures} test pictures have a score"
    return replace(
        one,
        profile=group.places[line].profile,
        gain=gain.mean,
        low=gain.low,
        high=gain.high,
        images=len(scenes),
        scenes=len(set(scenes)),
        pictures=pictures,
        differs=one.differs or seen or partial,
    )


def _scenes(group: ScoredGroup, line: int) -> list[str]:
    """The scene of each picture that has a gain on this line."""
    counted = compress(group.pictures, group.counted[line])
    return [scene for _, scene in counted]


def _line_of(group: ScoredGroup, protocol: str) -> int | None:
    """The line of the gain under a protocol."""
    for number, at in enumerate(group.places):
        if (at.protocol, at.metric) == (protocol, GAINED):
            return number
    return None


def _differs(dataset: Dataset) -> str:
    """Why a dataset's test pictures are not the published ones, by their number and size."""
    name = published_dataset(dataset.name)
    if name not in FIELD:
        return "papers print nothing of this set"
    card = reader_card(dataset.name.partition(":")[0])
    pairs = dataset.split("test")
    wanted = card.counts["test"]
    if len(pairs) != wanted:
        return f"{len(pairs)} of the published set's {wanted} test pictures"
    for whole in card.sizes[:1]:  # those of whole pictures come first
        odd = []
        for pair in pairs:
            size = readable_size(pair.blurry)
            if size and sorted(size) != sorted(whole):
                odd.append(pair.id)
        if odd:
            return (
                f"{several(odd)}: not {whole[0]}x{whole[1]} px as the published set has"
            )
    return ""


def in_field(measured: Sequence[CrossGain], system: str, name: str) -> CrossGain | str:
    """Our number next to the published ones of a set of :data:`FIELD`, or why there is none."""
    asked = []
    for one in measured:
        row = (one.protocol, one.system, published_dataset(one.dataset))
        if row == (COMPARED, system, name):
            asked.append(one)
    for one in asked:
        if one.gain is not None and not one.differs:
            return one
    if not asked:
        return f"no {name} was given: add --dataset {name}:PATH"
    return f"{asked[0].dataset}: {asked[0].reason or asked[0].differs}"


def row_name(system: str, weights: StoredWeights) -> str:
    """A system as tables name it: ``NAME:LABEL`` unless the weights are the package's own."""
    return system if weights.origin == OWN else f"{system}:{weights.label}"


def weighted_systems(
    names: Sequence[str],
    *,
    scales: bool = False,
) -> list[tuple[Baseline, StoredWeights]]:
    """Systems and weights of ``NAME`` (the package's own) and ``NAME:LABEL`` (also a file)."""
    # With ``scales`` they are followed by their rows at scales.
    weighted = []
    for text in dict.fromkeys(names):
        name, _, label = text.partition(":")
        systems = [baseline(name)]
        chosen = with_scales(systems) if scales else systems
        weighted += [(system, find_weights(system, label or OWN)) for system in chosen]
    if names:
        return weighted
    systems = list(all_baselines().values())
    chosen = with_scales(systems) if scales else systems
    for system in chosen:
        shipped = shipped_weights(system)
        if shipped is not None:
            weighted.append((system, shipped))
    return weighted
