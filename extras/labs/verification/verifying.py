"""Check a submission against the dataset: rescore its outputs row by row, look for frauds."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import starmap
from pathlib import Path
from typing import Any

from defocus.baselines.scales import plain_name
from defocus.benchmark.leaderboard.classes import is_trained
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.results.dataset_facts import seen_in
from defocus.benchmark.results.run_folder import UNREAD
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Entry
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.datasets.opening import readable
from defocus.datasets.pair import Dataset
from defocus.datasets.pair_files import picture_hashes
from defocus.errors import NotApplicableError
from defocus.extras.labs.opening import (
    BundleRefusedError,
    OpenBundle,
    opened_bundle,
    read_scores,
)
from defocus.extras.labs.rows import different_cell, rows_of_scores
from defocus.extras.labs.sealing.seal import read_seal
from defocus.extras.labs.statement import RunFacts, Statement, digest, training_hashes
from defocus.extras.labs.verification.rerunning import rerun
from defocus.extras.labs.verification.rescoring import Rescored, rescore
from defocus.processes.isolation import LeftOut

CLOCKS_DIFFER = timedelta(minutes=10)
"""Largest difference by which another computer's clock may be ahead."""

MOST_FINDINGS = 50
MOST_LISTED = 5


@dataclass(frozen=True)
class BundleFinding:
    """Why a submission is refused."""

    kind: str  # such as ``scores``
    said: str  # what is wrong, and where


@dataclass(frozen=True)
class BundleCheck:
    """Outcome of a check."""

    statement: Statement | None  # what was stated; None if it cannot be read
    findings: tuple[
        BundleFinding, ...
    ] = ()  # why it is refused; empty if nothing is wrong
    notes: tuple[str, ...] = ()  # what could not be checked, and why
    rescored: int = 0  # number of scores that were computed again
    whole: bool = False  # whether the pictures of every run were scored again
    # the leaderboard by the scores computed here
    rows: tuple[Row, ...] = field(default=(), repr=False)
    # pairs of the verifier's copy that cannot be read, with reasons
    left_out: tuple[LeftOut, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """The keys of ``verify --json``."""
        return {
            "ok": self.ok,
            "whole": self.whole,
            "lab": self.statement.lab if self.statement else None,
            "digest": digest(self.statement) if self.statement else None,
            "rescored": self.rescored,
            "findings": [{"kind": one.kind, "said": one.said} for one in self.findings],
            "notes": list(self.notes),
            "left_out": [one.to_json() for one in self.left_out],
        }


def verify_bundle(path: Path, dataset: Dataset, reruns: int = 2) -> BundleCheck:
    """Check a submission by one's own copy of the dataset.

    ``reruns`` pictures are restored again by each system whose weights are inside."""
    try:
        with opened_bundle(path) as bundle:
            whole = readable(dataset, "test")
            check = _verified(bundle, dataset, whole, reruns)
            return replace(check, left_out=whole.without())
    except BundleRefusedError as error:
        return BundleCheck(None, (BundleFinding(error.kind, str(error)),))


def _verified(
    bundle: OpenBundle,
    dataset: Dataset,
    whole: Dataset,
    reruns: int,
) -> BundleCheck:
    """Outcome of a check by a dataset and those of its pairs that can be read."""
    statement = bundle.statement
    scores = read_scores(bundle)
    findings = _early_findings(statement, dataset)
    if findings:  # scores of other data say nothing
        return BundleCheck(statement, tuple(findings))
    findings += _score_findings(statement, scores)
    unread = {
        one.id: one.reason for one in whole.left_out if one not in dataset.left_out
    }
    compare = not _was_sealed(statement, dataset)
    outcome = rescore(bundle, dataset, scores, compare=compare, unread=unread)
    again, notes = _reruns(bundle, whole, reruns, outcome)
    findings += starmap(BundleFinding, (*outcome.findings, *again))
    return BundleCheck(
        statement,
        tuple(findings[:MOST_FINDINGS]),
        (*outcome.notes, *notes),
        outcome.rescored,
        len(outcome.scores) == len(statement.runs),
        tuple(rows_of_scores(statement.runs, outcome.scores)),
    )


def _early_findings(statement: Statement, dataset: Dataset) -> list[BundleFinding]:
    """Findings from the statement, before any score is looked at."""
    findings = [*statement_findings(statement), *_dataset_findings(statement, dataset)]
    # of another dataset nothing can be said
    if not any(one.kind == "dataset" for one in findings):
        findings += _training_findings(statement, dataset)
    return findings


def _reruns(
    bundle: OpenBundle,
    dataset: Dataset,
    pictures: int,
    rescored: Rescored,
) -> tuple[list[tuple[str, str]], list[str]]:
    """Findings and notes of restoring again, of the runs whose pictures are there."""
    findings: list[tuple[str, str]] = []
    notes: list[str] = []
    for run in bundle.statement.runs:
        if run.entry.run not in rescored.scores:
            continue
        suspected = rescored.suspected.get(run.entry.run, [])
        if not pictures:
            notes += [
                f"{run.entry.run}: {pair.id} may have the truth; --reruns 1 restores it again"
                for pair in suspected
            ]
            continue
        try:
            findings += rerun(bundle, dataset, run, pictures, suspected)
        except NotApplicableError as error:
            notes.append(str(error))
            findings += [
                ("leak", f"{error}; {pair.id} may have the truth") for pair in suspected
            ]
    return findings, notes


def statement_findings(statement: Statement) -> list[BundleFinding]:
    """Faults of a statement by itself: clock, profile, runs, seeds, hashes."""
    return list(starmap(BundleFinding, _statement_problems(statement)))


def _statement_problems(statement: Statement) -> Iterator[tuple[str, str]]:
    time = datetime.fromisoformat(statement.made)
    if time > datetime.now(UTC) + CLOCKS_DIFFER:
        yield (
            "clock",
            f"it says that it was made at {statement.made}, which is in the future",
        )
    if statement.profile != DEFAULT.name:
        yield (
            "profile",
            f"profile {statement.profile}; bundles are scored by {DEFAULT.name}",
        )
    ids = [run.entry.run for run in statement.runs]
    if len(set(ids)) < len(ids):
        yield "duplicates", "a run is there twice"
    for run in statement.runs:
        yield from _run_problems(statement, run)
    yield from _seed_problems(statement)
    yield from _reused(statement.runs)


def _run_problems(statement: Statement, run: RunFacts) -> Iterator[tuple[str, str]]:
    entry = run.entry
    stated = (statement.dataset.name, statement.dataset.content_hash, "test")
    if (entry.dataset, entry.data_hash, entry.split) != stated:
        yield "dataset", f"{entry.run}: of other data than the bundle states"
    if not entry.scored:
        yield "format", f"{entry.run}: has no scores, {entry.status}"
    yield from _odd_parts(statement, run, entry)


def _odd_parts(
    statement: Statement,
    run: RunFacts,
    entry: Entry,
) -> Iterator[tuple[str, str]]:
    """Versions, costs, outputs and weights of a run that cannot be."""
    for kind, rows in (("version", run.versions), ("cost", run.costs)):
        if len({one.metric for one in rows}) < len(rows):
            yield "duplicates", f"{entry.run}: the {kind} of a metric is there twice"
    if further := sorted(set(run.outputs) - set(statement.dataset.pairs)):
        yield "pairs", f"{entry.run}: {further[0]} is not a test pair"
    if entry.weights != "none" and run.weights is None:
        yield "weights", f"{entry.run}: has weights and does not name them"
    if run.weights is not None and entry.checkpoint not in ("", run.weights.sha256):
        yield "weights", f"{entry.run}: two hashes of its weights are stated"


def _seed_problems(statement: Statement) -> Iterator[tuple[str, str]]:
    """Every system that was trained has the seeds 0 … n - 1 that the study was asked for."""
    groups: dict[tuple[str, str], list[int]] = {}
    for run in statement.runs:
        key = (run.entry.system, run.entry.grouping)
        groups.setdefault(key, []).append(run.entry.seed)
    for (system, _), seeds in groups.items():
        trained = any(
            run.entry.system == system and is_trained(run.entry.weights)
            for run in statement.runs
        )
        wanted = range(statement.seeds if trained else 1)
        if sorted(seeds) != list(wanted):
            said = _listed(sorted(seeds))
            asked = _listed(wanted)
            yield (
                "seeds",
                f"{system}: has the seeds {said}; the study was asked for {asked}",
            )


def _listed(seeds: Sequence[int]) -> str:
    """A few seeds one by one, many by the first and the last."""
    if len(seeds) > MOST_LISTED:
        return f"{seeds[0]} … {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _reused(runs: Sequence[RunFacts]) -> Iterator[tuple[str, str]]:
    """Pictures and weights that are there under two names."""
    pictures: dict[str, tuple[Entry, str]] = {}
    alone = left_alone(runs)
    weights: dict[str, Entry] = {}
    for run in runs:
        entry = run.entry
        if where := _repeated_output(run, pictures, alone):
            yield "duplicates", f"one picture is the output of {where}"
        if run.weights is not None:
            owner = weights.setdefault(run.weights.sha256, entry)
            if owner.run != entry.run and not _of_one_network(owner, entry):
                yield "weights", f"{owner.run} and {entry.run} have the same weights"


def _repeated_output(
    run: RunFacts,
    pictures: dict[str, tuple[Entry, str]],
    alone: Collection[tuple[str, str]],
) -> str:
    """The first output that another pair or run has too, in words; new ones are remembered."""
    entry = run.entry
    for pair, sha256 in run.outputs.items():
        other, of_pair = pictures.setdefault(sha256, (entry, pair))
        may_be_alike = (pair, sha256) in alone or _of_one_network(other, entry)
        innocent = of_pair == pair and may_be_alike
        if (other.run, of_pair) != (entry.run, pair) and not innocent:
            return f"{other.run} {of_pair} and {entry.run} {pair}"
    return ""


def _of_one_network(first: Entry, second: Entry) -> bool:
    """Whether two runs are ``NAME`` and ``NAME@scales``, which share their weights."""
    # They restore alike what is not blurred beyond the network's reach.
    alike = plain_name(first.system) == plain_name(second.system)
    return alike and first.system != second.system and first.seed == second.seed


def left_alone(runs: Iterable[RunFacts]) -> set[tuple[str, str]]:
    """Pairs and hashes of outputs that are the blurry pictures.

    Several honest systems may have one of them: each that finds nothing to restore in it."""
    alone: set[tuple[str, str]] = set()
    for run in runs:
        if run.entry.system == INPUT:
            alone.update(run.outputs.items())
    return alone


def _was_sealed(statement: Statement, dataset: Dataset) -> bool:
    """Whether a submission was made while the truth, which is open now, was sealed."""
    seal = read_seal(dataset.root)
    is_sealed_pair = seal is not None and seal.inside == dataset.content_hash
    return (
        is_sealed_pair
        and seal is not None
        and seal.outside == statement.dataset.content_hash
    )


def _dataset_findings(
    statement: Statement,
    dataset: Dataset,
) -> Iterator[BundleFinding]:
    stated = statement.dataset
    if stated.content_hash != dataset.content_hash and not _was_sealed(
        statement,
        dataset,
    ):
        yield BundleFinding(
            "dataset",
            f"another dataset: it restored {stated.name}, revision {stated.content_hash[:12]}; "
            f"--dataset is {dataset.name}, revision {dataset.content_hash[:12]}",
        )
    elif stated.pairs != tuple(pair.id for pair in dataset.split("test")):
        yield BundleFinding("pairs", "states other test pairs than the dataset has")


def _training_findings(
    statement: Statement,
    dataset: Dataset,
) -> Iterator[BundleFinding]:
    """Test pictures among the stated training pictures, and statuses that hide them."""
    test = picture_hashes(dataset.root, dataset.split("test"))
    hashes = {sha256: path for path, sha256 in test.items()}
    for training in statement.training:
        if seen := sorted(set(training.pictures) & set(hashes)):
            name = hashes[seen[0]].name
            yield BundleFinding(
                "training",
                f"{training.dataset}: trained on the test picture {name} and {len(seen)} in all",
            )
        elif training.dataset == dataset.name and training.pictures != training_hashes(
            dataset
        ):
            yield BundleFinding(
                "training",
                f"{training.dataset}: {len(training.pictures)} training pictures are stated, "
                f"not the {len(training_hashes(dataset))} of the dataset",
            )
    stated = {training.dataset for training in statement.training}
    yield from _run_findings(statement, dataset, stated)


def _run_findings(
    statement: Statement,
    dataset: Dataset,
    stated: set[str],
) -> Iterator[BundleFinding]:
    """Runs whose training pictures are not stated, or may hold test pictures."""
    for run in statement.runs:
        if run.weights is None:
            continue
        entry = run.entry
        if is_trained(entry.weights) and dataset.name not in stated:
            yield BundleFinding(
                "training",
                f"{entry.run}: its training pictures are not stated",
            )
        reason = (
            seen_in(run.weights.trained_on, dataset)
            if entry.weights == "official"
            else ""
        )
        if reason and entry.status == "ok":
            yield BundleFinding("training", f"{entry.run}: says ok, but {reason}")


def _score_findings(
    statement: Statement,
    scores: Mapping[str, Sequence[Score]],
) -> Iterator[BundleFinding]:
    """Scores of other pictures or profiles, and rows that do not follow from the scores."""
    pairs = set(statement.dataset.pairs)
    for run in statement.runs:
        yield from _pictures_findings(statement, scores, run, pairs)
    follows = rows_of_scores(statement.runs, scores)
    if said := different_cell(statement.rows, follows):
        yield BundleFinding("rows", said)


def _pictures_findings(
    statement: Statement,
    scores: Mapping[str, Sequence[Score]],
    run: RunFacts,
    pairs: set[str],
) -> Iterator[BundleFinding]:
    """Scores and outputs of a run that do not fit its pictures, profile or metrics."""
    name = run.entry.run
    own = scores[name]
    scored = {one.pair for one in own if one.pair}
    if scored != pairs:
        odd = min(scored ^ pairs)
        yield BundleFinding(
            "pairs",
            f"{name}: {odd} is not both scored and a test pair",
        )
    if missing := sorted(pairs - set(run.outputs) - _unread_pairs(own)):
        said = f"{name}: the output of {missing[0]} and {len(missing)} in all missing"
        yield BundleFinding("pairs", said)
    if any(one.profile != statement.profile for one in own):
        yield BundleFinding("profile", f"{name}: has scores of another profile")
    versions = {version.metric for version in run.versions}
    if odd_names := sorted({one.metric for one in own} - versions):
        yield BundleFinding(
            "format",
            f"{name}: no version of the metric {odd_names[0]} is stated",
        )


def _unread_pairs(scores: Iterable[Score]) -> set[str]:
    """The pairs all of whose scores say that a picture could not be read."""
    rows = list(scores)
    read = {one.pair for one in rows if not (one.reason or "").startswith(UNREAD)}
    return {one.pair for one in rows} - read
