"""Score the restored pictures of a run, several at once: in threads, or wherever is asked."""

import contextlib
import os
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.evaluation.shown_pictures import SHOWN_PAIRS, keep_pictures
from defocus.benchmark.results.run_folder import CRASHES, WAITING
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.scoring.score import PairScorer, fetch_weights
from defocus.cluster.dispatcher import each
from defocus.datasets.pair import Pair
from defocus.errors import DatasetError, DefocusError, ImageError
from defocus.pictures.read import read_member
from defocus.pictures.values import Image
from defocus.processes.isolation import (
    LeftOut,
    left_out_by,
    plugin_fault,
    stops_everything,
)
from defocus.processes.machines import Where
from defocus.progress import track
from defocus.storage.files import make_folder, storing
from defocus.storage.staging import remove_folder

UNREADABLE = (DatasetError, ImageError)
"""Errors of a pair's own files. Whatever else a restoration raises is the system's."""

THREADS = os.cpu_count() or 1
AT_ONCE_PX = 1 << 20
"""Number of pixels up to which pictures are scored together, one per thread: metrics of a large
picture take much memory, and use several threads on their own."""

PictureScores: TypeAlias = list[Score] | LeftOut
Scored: TypeAlias = Iterator[tuple[str, PictureScores]]


@dataclass(frozen=True)
class RestoredPair:
    """A pair with its restored picture ``(H, W, 3)``, not clamped, and its blurry one as stored."""

    number: int
    pair: Pair
    picture: NDArray[np.float64]
    blurry: Image


@dataclass(frozen=True)
class PictureScoring:
    """Scoring of a restored picture; every ``every``-th picture is kept in ``shown``."""

    scorer: PairScorer
    shown: Path | None = None
    every: int = 1

    def of(self, one: RestoredPair) -> PictureScores:
        """The scores of a picture, or why there are none."""
        try:
            scores = list(self.scorer.scores(one.pair, one.picture, one.blurry))
            if self.shown is not None and one.number % self.every == 0:
                dataset, estimator = self.scorer.dataset, self.scorer.estimator
                assert dataset is not None  # noqa: S101 - its pairs are scored
                keep_pictures(
                    one.pair,
                    one.blurry,
                    one.picture,
                    dataset,
                    estimator,
                    self.shown,
                )
        except UNREADABLE as error:
            return left_out_by(one.pair.id, error)
        return scores


def scoring_of_run(scorer: PairScorer, folder: Path, pairs: int) -> PictureScoring:
    """The scoring of a run, which keeps some pictures in its folder, for the report."""
    return PictureScoring(scorer, folder / "images", max(1, pairs // SHOWN_PAIRS))


class ScoringQueue(Protocol):
    """Restored pictures that wait to be scored."""

    def add(self, one: RestoredPair) -> Scored:
        """Take a picture; yield the scores that are ready, by pair."""
        ...

    def finish(self) -> Scored:
        """Yield the scores of all pictures that still wait."""
        ...


@contextlib.contextmanager
def scoring_queue(
    scoring: PictureScoring,
    folder: Path,
    name: str,
    where: Where,
) -> Iterator[ScoringQueue]:
    """A queue for the pictures of a run, whose folder other processes see."""
    waiting = folder.absolute() / WAITING
    remove_folder(waiting)  # of an evaluation that was killed
    if where == 1:
        with ThreadPoolExecutor(THREADS) as pool:
            yield _InThreads(scoring, pool, [])
        return
    try:
        yield _Elsewhere(scoring, make_folder(waiting), name, where, {})
    finally:
        remove_folder(waiting)


@dataclass(frozen=True)
class _InThreads:
    """Scores some pictures at once, one in each thread."""

    # Nothing is restored meanwhile, so that its seconds are those of a machine without other work.

    scoring: PictureScoring
    pool: ThreadPoolExecutor
    waiting: list[RestoredPair]

    def add(self, one: RestoredPair) -> Scored:
        self.waiting.append(one)
        if _is_due(self.waiting):
            yield from self.finish()

    def finish(self) -> Scored:
        scores = self.pool.map(self.scoring.of, self.waiting)
        for one, result in zip(self.waiting, scores, strict=True):
            yield one.pair.id, result
        self.waiting.clear()


def _is_due(waiting: Sequence[RestoredPair]) -> bool:
    """Whether to score what waits: the first picture alone, as metrics load things once."""
    if waiting[-1].number == 0 or len(waiting) == THREADS:
        return True
    pixels = 0
    for one in waiting:
        height, width = one.picture.shape[:2]
        pixels += height * width
    return pixels > AT_ONCE_PX


@dataclass(frozen=True)
class _WaitingPair:
    """A pair whose restored picture is in a file."""

    number: int
    pair: Pair
    restored: Path


@dataclass(frozen=True)
class _Elsewhere:
    """Scores all pictures at the end, in processes that find them in a folder."""

    # So all are restored before, by this process alone: their seconds are those of a machine
    # without other work.

    scoring: PictureScoring
    folder: Path
    name: str
    where: Where
    waiting: dict[str, _WaitingPair]

    def add(self, one: RestoredPair) -> Scored:
        path = self.folder / f"{one.number}.npy"
        exact = one.picture.astype(np.float32)  # what networks give, in half the room
        with storing(path):
            np.save(path, exact if np.array_equal(exact, one.picture) else one.picture)
        self.waiting[one.pair.id] = _WaitingPair(one.number, one.pair, path)
        yield from ()

    def finish(self) -> Scored:
        if not self.waiting:
            return
        fetch_weights(self.scoring.scorer.metrics)
        work = partial(_scored_or_error, self.scoring)
        with contextlib.closing(each(work, self.waiting, self.where)) as results:
            for name, result in track(
                results,
                f"{self.name}: scoring",
                len(self.waiting),
            ):
                if isinstance(result, BaseException):
                    raise result
                yield name, result


def _scored_or_error(
    scoring: PictureScoring,
    waiting: _WaitingPair,
) -> PictureScores | BaseException:
    """The scores of a picture in a file, or the error by which the whole run fails."""
    try:
        pair = waiting.pair
        blurry = read_member(pair.blurry, pair.sharp, pair.white)
        restored = np.load(waiting.restored).astype(np.float64)
        return scoring.of(RestoredPair(waiting.number, pair, restored, blurry))
    except CRASHES as error:
        if stops_everything(error):
            raise
        # the code that raised it is known here alone
        fault = plugin_fault(error)
        crash: BaseException = DefocusError(fault) if fault else error
        crash.add_note(f"in another process:\n{traceback.format_exc()}")
        return crash
