"""What stored runs say about a dataset besides its pictures; a content hash does not cover it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from defocus.baselines.card import UNKNOWN
from defocus.benchmark.evaluation.columns import PLACES, place_score
from defocus.benchmark.results.run_folder import trained_datasets
from defocus.benchmark.results.score_matrix import Score, ScoreMatrix
from defocus.benchmark.results.store import Entry, MetricVersion, Results
from defocus.datasets.pair import Dataset

SAME_SCENES = {"dpdd-dual": "dpdd", "cldefocus": "dpdd"}
"""Datasets that have the scenes of another one."""


def seen_in(trained_on: Collection[str], dataset: Dataset) -> str:
    """Why the test pictures may have been used for training; empty if they were not."""
    # Official splits are trusted if the dataset's own reader provides them; pictures that were
    # imported, split or compensated again may be from the training set.
    reader = dataset.name.partition(":")[0]
    family = _family(dataset.source or dataset.name)
    if not trained_on or UNKNOWN in trained_on:
        if not dataset.source:
            return ""
        return f"what the weights were trained on is not known; it may be {family}"
    if family not in {_family(name) for name in trained_on}:
        return ""
    if dataset.name in trained_on or _family(reader) == family:
        return ""
    return f"scenes may be among the weights' training set {family}, whose split this is not"


def _family(name: str) -> str:
    return SAME_SCENES.get(name, name)


def follow_dataset(dataset: Dataset, results: Results) -> None:
    """Update the stored runs of a dataset to its present facts on its pictures."""
    # Another layout or manifest may sort the same pictures into other scenes and places, or name
    # another source. Values of single pictures do not depend on it; intervals and tests do.
    facts = _Facts(
        {pair.id: pair.scene for pair in dataset.pairs},
        {pair.id: place_score(pair.metadata) for pair in dataset.pairs},
    )
    for entry in results.entries():
        if entry.data_hash != dataset.content_hash:
            continue
        status = _status(entry, dataset)
        if status != entry.status or not facts.hold(results.matrix(entry.run)):
            scores = list(facts.followed(results.scores(entry.run)))
            versions = _versions(results.versions(entry.run), scores)
            followed = replace(entry, status=status)
            costs = results.costs(entry.run)
            results.record(followed, scores, costs, versions, in_place=True)


def _status(entry: Entry, dataset: Dataset) -> str:
    """Whether weights that were not trained here may know the test scenes."""
    if not entry.scored or entry.weights not in {"own", "official"}:
        return entry.status
    reason = seen_in(trained_datasets(entry.train_dataset), dataset)
    return f"seen: {reason}" if reason else "ok"


def _versions(
    stored: Mapping[str, MetricVersion],
    scores: Sequence[Score],
) -> Iterator[MetricVersion]:
    """The versions of the scores that there are now: those by place are PSNR's."""
    for name, version in stored.items():
        if name not in PLACES:
            yield version
    metrics = {score.metric for score in scores}
    for name in metrics.intersection(PLACES):
        yield replace(stored["psnr"], metric=name)


@dataclass(frozen=True)
class _Facts:
    """Scene of each pair, and name of its score by place, None without."""

    scenes: Mapping[str, str]
    places: Mapping[str, str | None]

    def hold(self, matrix: ScoreMatrix) -> bool:
        """Whether scores are stored under these scenes and places."""
        for pair, scene in matrix.pictures:
            if self.scenes.get(pair, scene) != scene:
                return False
        lines = {}
        for place, values in zip(matrix.places, matrix.values, strict=True):
            line = (place.profile, place.protocol, place.metric)
            lines[line] = ~np.isnan(values)
        places = [self.places.get(pair) for pair, _ in matrix.pictures]
        for profile, protocol in _with_parts(lines):
            whole = lines[profile, protocol, "psnr"]
            none = np.zeros_like(whole)
            for name in PLACES:
                stored = lines.get((profile, protocol, name), none)
                at_place = np.array([place == name for place in places])
                if (stored != (whole & at_place)).any():
                    return False
        return True

    def followed(self, scores: Sequence[Score]) -> Iterator[Score]:
        """The scores under these scenes and places."""
        parts = _with_parts((s.profile, s.protocol, s.metric) for s in scores)
        for score in scores:
            if score.metric in PLACES:
                continue
            scene = self.scenes.get(score.pair, score.scene)
            moved = replace(score, scene=scene)
            yield moved
            place = self.places.get(score.pair)
            has_psnr = score.metric == "psnr" and score.value is not None
            if has_psnr and place and (score.profile, score.protocol) in parts:
                yield replace(moved, metric=place)


def _with_parts(lines: Iterable[tuple[str, str, str]]) -> set[tuple[str, str]]:
    """Profiles and protocols under which parts of pictures are scored."""
    return {
        (profile, protocol)
        for profile, protocol, metric in lines
        if metric == "psnr_gain"
    }
