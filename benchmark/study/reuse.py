"""Take scores from results of others, where they are those that this study would compute."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product

from defocus.benchmark.evaluation.ceiling_row import fillable
from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER, column_of
from defocus.benchmark.evaluation.recording import entry_of
from defocus.benchmark.metrics.metric import (
    NO_REFERENCE,
    Metric,
    lack_truth,
    metrics_for,
)
from defocus.benchmark.results.lock import study_lock
from defocus.benchmark.results.run_folder import (
    ORIGIN,
    RECORD,
    UNREAD,
    is_repeated,
    run_folder,
)
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.sources import SourceRun, runs_of_source
from defocus.benchmark.results.store import (
    COSTS,
    STORE,
    Cost,
    Entry,
    MetricVersion,
    Results,
    open_results,
)
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.study.plan import Run, Study, run_ids, runs_of
from defocus.datasets.pair import ids_of
from defocus.errors import InputError
from defocus.progress import counted, printable, say, several
from defocus.storage.files import make_folder, write_json
from defocus.training.record.folder import CHECKPOINT

_SHA256 = re.compile(r"[0-9a-f]{64}|")

_COMPARED = (
    "system",
    "input",
    "weights",
    "reconstruction",
    "train_dataset",
    "split",
    "budget",
)
"""Fields of an entry from which its ids follow; a store in which they differ was changed by
hand."""


@dataclass(frozen=True)
class RunOfStudy:
    """A planned run without scores, and its study."""

    study: Study
    run: Run

    @property
    def training(self) -> str:
        """The id of the run whose training it evaluates, which may be itself."""
        _, trained = self.study.trained(self.run)
        return trained.id

    @property
    def is_trained(self) -> bool:
        """Whether a training of the study makes its network."""
        return self.run.recipe is not None


@dataclass(frozen=True)
class Reused:
    """Results of another study that are those of a planned run."""

    place: RunOfStudy
    entry: Entry
    scores: Sequence[Score]
    costs: Sequence[Cost]
    versions: Sequence[MetricVersion]
    other: SourceRun


def reuse_results(studies: Sequence[Study], sources: Sequence[str]) -> list[str]:
    """Take the scores that the sources have of unfinished runs; the ids of these runs."""
    # A run is taken if its id and group are those of here: they stand for the pictures and how
    # they are read, settings, weights and revisions. Its metrics must be of the same revisions.
    out = studies[0].out
    with study_lock(out), open_results(out / STORE) as results:
        places = _places(studies, results)
        planned = set(run_ids(studies))
        reused: dict[str, Reused] = {}
        for source in sources:
            refused = []
            for other in runs_of_source(source, places.keys()):
                run = other.entry.run
                try:
                    if run in places.keys() - reused.keys():
                        reused[run] = _usable(places[run], other)
                    elif run not in planned:
                        refused.append((run, _why_not_planned(other.entry, studies)))
                except InputError as error:
                    refused.append((run, str(error)))
            _tell_refused(source, refused)
        for run, reason in _incomplete_trainings(studies, results, reused):
            say(f"{run}: not taken from {reused.pop(run).other.origin}: {reason}")
        for one in reused.values():
            _record(results, one)
    _tell_taken(reused)
    return list(reused)


def _places(studies: Sequence[Study], results: Results) -> dict[str, RunOfStudy]:
    """The runs without scores, by id."""
    scored = {entry.run for entry in results.entries() if entry.scored}
    places = {}
    for study, run in runs_of(studies):
        repeated = is_repeated(run_folder(study.out, run.id))
        if run.id not in scored and not repeated:
            places[run.id] = RunOfStudy(study, run)
    return places


def _why_not_planned(entry: Entry, studies: Sequence[Study]) -> str:
    """Why the study has no run like that of an entry."""
    systems = {run.system for _, run in runs_of(studies)}
    if entry.system not in systems:
        return "system not asked for"
    contents = {study.dataset.content_hash for study in studies}
    if entry.data_hash not in contents:
        content = printable(entry.data_hash[:12])
        return f"other pictures ({printable(entry.dataset)}, {content})"
    return "other settings, weights, seed or revision of the training"


def _usable(place: RunOfStudy, other: SourceRun) -> Reused:
    """The results of another study for a planned run; InputError with the reason if unfit."""
    study, run = place.study, place.run
    mine = entry_of(study, run)
    theirs = other.entry
    _require_same(theirs, mine)
    if not _SHA256.fullmatch(theirs.checkpoint):
        raise InputError("its checkpoint has no SHA-256 hash")
    if place.is_trained and (study.checkpoint_folder(run) / CHECKPOINT).exists():
        raise InputError("there is a checkpoint of it here already")
    scores, versions = _columns(place, other)
    costs = [cost for cost in other.costs if cost.metric in COSTS]
    for cost in costs:
        if cost.value is not None and not math.isfinite(cost.value):
            raise InputError("one of its costs is no number")
    entry = replace(mine, checkpoint=theirs.checkpoint, code=theirs.code)
    return Reused(place, entry, scores, costs, versions, other)


def _require_same(theirs: Entry, mine: Entry) -> None:
    """Refuse a run without scores, or whose scores are not those that would be computed here."""
    if not theirs.scored:
        raise InputError(f"no scores there: {printable(theirs.status)}")
    if theirs.grouping != mine.grouping or theirs.data_hash != mine.data_hash:
        raise InputError("other test pictures, or restored in another way")
    if theirs.evaluation != mine.evaluation:
        raise InputError(
            f"scored by {printable(theirs.evaluation)}, here by {mine.evaluation}; "
            "that study can be scored again"
        )
    for name in _COMPARED:
        there, here = getattr(theirs, name), getattr(mine, name)
        if there != here:
            raise InputError(f"its {name} is {printable(str(there))}, here {here}")


def _columns(
    place: RunOfStudy,
    other: SourceRun,
) -> tuple[list[Score], list[MetricVersion]]:
    """The scores and versions of the metrics that are complete and of the revisions used here."""
    pairs = place.study.dataset.split("test")
    wanted = metrics_for(pairs)
    protocols = (NO_REFERENCE,) if lack_truth(pairs) else PROTOCOL_ORDER
    ids = ids_of(pairs)
    current = _current_versions(other, wanted)
    names = [name for name in wanted if name in current]
    by_metric = _by_metric(other, names, protocols)
    for name, scores in by_metric.items():
        _require_possible(wanted[name], scores, ids)
    whole = {}
    for name, scores in by_metric.items():
        is_whole = _covers(name, scores, ids, protocols)
        if is_whole:
            whole[name] = scores
    lacking = [name for name in wanted if name not in whole]
    for name, scores in whole.items():
        if fillable(scores, wanted[name]):
            lacking.append(name)
    if not whole or (place.is_trained and lacking):
        raise InputError(
            f"lacks {', '.join(lacking)} as this version computes it, and its network is not there"
        )
    taken_over = list(chain.from_iterable(whole.values()))
    versions = [one for one in current.values() if column_of(one.metric) in whole]
    return taken_over, versions


def _by_metric(
    other: SourceRun, names: Sequence[str], protocols: Collection[str]
) -> dict[str, list[Score]]:
    """The scores of these metrics under the default profile and these protocols."""
    by_metric: dict[str, list[Score]] = {name: [] for name in names}
    for score in other.scores:
        name = column_of(score.metric)
        is_usual = score.profile == DEFAULT.name and score.protocol in protocols
        if is_usual and name in by_metric:
            by_metric[name].append(score)
    return by_metric


def _current_versions(
    other: SourceRun,
    wanted: Mapping[str, Metric],
) -> dict[str, MetricVersion]:
    """The metrics of another study that have the revisions used here, by name."""
    current = {}
    for one in other.versions:
        metric = wanted.get(column_of(one.metric))
        if metric is not None and one.version == metric.version:
            current[one.metric] = one
    return current


def _require_possible(metric: Metric, scores: Sequence[Score], pairs: set[str]) -> None:
    """Refuse scores of strange pictures, or values that the metric cannot have."""
    low, high = metric.span
    for score in scores:
        if score.pair not in pairs:
            raise InputError(
                f"{metric.name} is of the picture {printable(score.pair)!r}"
            )
        if score.value is None:
            if score.reason.startswith(UNREAD):
                raise InputError(
                    f"its picture {printable(score.pair)} could not be read there"
                )
            continue
        within = score.metric != metric.name or (
            (low is None or score.value >= low)
            and (high is None or score.value <= high)
        )
        if not math.isfinite(score.value) or not within:
            raise InputError(
                f"{printable(score.metric)} of {score.pair} is {score.value}"
            )


def _covers(
    name: str,
    scores: Sequence[Score],
    pairs: set[str],
    protocols: Sequence[str],
) -> bool:
    """Whether each picture has its score of a metric under each protocol, once."""
    keys = [(one.protocol, one.pair) for one in scores if one.metric == name]
    return Counter(keys) == Counter(product(protocols, pairs))


def _incomplete_trainings(
    studies: Sequence[Study],
    results: Results,
    reused: Mapping[str, Reused],
) -> Iterator[tuple[str, str]]:
    """Runs of trainings of which not every evaluation is taken, and why none of them is."""
    # Who trains the network here for one evaluation would have another network than the others.
    stored = {
        entry.run: entry.checkpoint for entry in results.entries() if entry.scored
    }
    checkpoints = stored | {run: one.entry.checkpoint for run, one in reused.items()}
    evaluations: dict[str, list[str]] = defaultdict(list)
    for study in studies:
        for run in study.runs:
            if run.recipe is not None:
                evaluations[RunOfStudy(study, run).training].append(run.id)
    for runs in evaluations.values():
        lacking = [run for run in runs if run not in checkpoints]
        reason = ""
        if lacking:
            reason = f"its network is trained here anyway, for {', '.join(lacking)}"
        elif len({checkpoints[run] for run in runs}) > 1:
            reason = "other evaluations of its training are of another checkpoint"
        if reason:
            yield from [(run, reason) for run in runs if run in reused]


def _record(results: Results, reused: Reused) -> None:
    """Store taken results; the run's record says where they come from."""
    study, run = reused.place.study, reused.place.run
    folder = make_folder(run_folder(study.out, run.id))
    document = {
        "run": run.id,
        **run.facts(),
        "dataset": study.dataset.name,
        "data_hash": study.dataset.content_hash,
        "profile": DEFAULT.name,
        **reused.other.record,
        ORIGIN: reused.other.origin,
    }
    write_json(folder / RECORD, document)
    results.record(reused.entry, reused.scores, reused.costs, reused.versions)


def _tell_refused(source: str, refused: Sequence[tuple[str, str]]) -> None:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for run, reason in refused:
        by_reason[reason].append(run)
    for reason, runs in by_reason.items():
        number = counted(len(runs), "run")
        say(f"{source}: {number} not taken, {reason}: {several(runs)}")


def _tell_taken(reused: Mapping[str, Reused]) -> None:
    if not reused:
        say("no run was taken from other results")
    by_origin: dict[str, list[str]] = defaultdict(list)
    for run, one in reused.items():
        by_origin[one.other.origin].append(run)
    for origin, runs in by_origin.items():
        number = counted(len(runs), "run")
        say(f"{origin}: {number} taken, not computed again: {several(runs)}")
