"""How far differences of systems change by an error of registration, beside what is predicted.

``python -m research.resolution --photos FOLDER`` scores pairs by measured and true transforms."""

import argparse
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.compensate import compensate
from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, flow_estimator
from defocus.align.measure import measure
from defocus.benchmark.evaluation.columns import MOVES
from defocus.benchmark.metrics.psnr import METRIC
from defocus.benchmark.scoring.profiles import DEFAULT, prepared
from defocus.benchmark.scoring.protocols import Target
from defocus.benchmark.scoring.score import psnr_moved, score_picture
from defocus.benchmark.statistics.resampling import scene_codes
from defocus.benchmark.statistics.scored_group import resolution
from defocus.extras.charts.systems.restorers import SystemRestorer, restorers
from defocus.pictures.values import Image, as_float
from defocus.progress import track
from defocus.storage.files import write_bytes
from research.alignment_truth.real_like.pair import RealLikePair, real_like_pair
from research.alignment_truth.real_like.scene import scene_files
from research.light import Mask
from research.markdown import table

SYSTEMS = (
    "wiener",
    "richardson-lucy",
    "defocus-s",
    "defocus-m",
)
SEED = 520

Array = NDArray[np.float64]
Scores = Mapping[str, float]


@dataclass(frozen=True)
class PairScores:
    """PSNR of each system on one pair, dB."""

    sigma_px: float  # of the reference's place along each axis
    error_px: float  # of the measured transform, root mean square along each axis
    measured: Scores  # against its reference
    true: Scores  # against the true transform's reference
    moved: Mapping[str, Scores]  # against the measured one, moved by its standard error

    def moved_by(self, move: str) -> Scores:
        """The scores of all systems after one move of the reference."""
        return {name: scores[move] for name, scores in self.moved.items()}


def pair_scores(
    pair: RealLikePair,
    systems: Mapping[str, SystemRestorer],
) -> PairScores | None:
    """Score every system against both references; None if the misalignment is unknown."""
    measurement = measure(pair.blurry, pair.sharp, flow_estimator(DEFAULT_ESTIMATOR))
    said = measurement.misalignment
    if said.status != "ok" or said.sigma is None or said.matrix is None:
        return None
    exact = replace(measurement, misalignment=replace(said, matrix=pair.matrix))
    measured = compensate(pair.blurry, pair.sharp, measurement)
    true = compensate(pair.blurry, pair.sharp, exact)
    mask = measured.valid_mask & true.valid_mask
    sigma_px = said.sigma.misalignment_px / math.sqrt(2)
    targets = [
        _target(measured.sharp, mask, sigma_px),
        _target(true.sharp, mask, sigma_px),
    ]
    picture = as_float(pair.blurry)
    restored = {}
    for name, restore in systems.items():
        restored[name] = np.asarray(restore(picture), np.float64)
    return PairScores(
        sigma_px=sigma_px,
        error_px=_error_px(said.matrix, pair.matrix, mask),
        measured=_scores(restored, targets[0]),
        true=_scores(restored, targets[1]),
        moved=_moved_scores(restored, targets),
    )


def _scores(restored: Mapping[str, Array], target: Target) -> Scores:
    """PSNR of each system against a target."""
    return {name: _psnr(picture, target) for name, picture in restored.items()}


def _target(sharp: Image, mask: Mask, sigma_px: float) -> Target:
    """A reference for a comparison."""
    reference = np.asarray(as_float(sharp, np.float64), np.float64)
    return Target(reference, mask, sigma_px=sigma_px)


def _moved_scores(
    restored: dict[str, Array],
    targets: list[Target],
) -> dict[str, dict[str, float]]:
    """Scores of each system under small moves, NaN where one has none."""
    moved: dict[str, dict[str, float]] = {}
    for name, output in restored.items():
        moved[name] = {}
        picture = prepared(output, output.shape, DEFAULT)
        for move, value in psnr_moved(picture, targets[0], DEFAULT):
            moved[name][move] = math.nan if value is None else value
    return moved


def _psnr(restored: Array, target: Target) -> float:
    scores = score_picture(restored, target, DEFAULT, {"psnr": METRIC})
    value = scores["psnr"].value
    return math.nan if value is None else value


def _error_px(measured: Array, true: Array, mask: Mask) -> float:
    rows, columns = np.nonzero(mask)
    ones = np.ones_like(rows)
    places = np.stack([columns, rows, ones]).astype(np.float64)
    x, y, depth = measured @ places
    true_x, true_y, true_depth = true @ places
    across = x / depth - true_x / true_depth
    down = y / depth - true_y / true_depth
    return _root_mean_square(np.stack([across, down]))


def resolution_table(pairs: Sequence[PairScores]) -> str:
    """A row for every two systems, as Markdown."""
    head = (
        "systems",
        "difference, dB",
        "with the true transform",
        "change of the mean",
        "resolution",
        "change of a picture, rms",
        "resolution of a picture, rms",
        "within twice",
    )
    rows = []
    for one, other in itertools.combinations(pairs[0].measured, 2):
        numbers = _compared(pairs, one, other)
        rows.append([f"{one}, {other}", *numbers])
    return table(head, rows)


def _compared(
    pairs: Sequence[PairScores],
    one: str,
    other: str,
) -> list[str]:
    """The numbers of two systems, as they are shown."""
    measured = _differences([pair.measured for pair in pairs], one, other)
    true = _differences([pair.true for pair in pairs], one, other)
    changes = _moved_differences(pairs, one, other) - measured
    codes = scene_codes(list(map(str, range(len(pairs)))))
    of_mean = resolution(changes, codes) or 0.0
    of_each = _resolution_of_each(changes)
    change = measured - true
    within = np.abs(change) <= 2 * np.array(of_each)
    return [
        f"{measured.mean():+.3f}",
        f"{true.mean():+.3f}",
        f"{abs(change.mean()):.4f}",
        f"{of_mean:.4f}",
        f"{_root_mean_square(change):.4f}",
        f"{_root_mean_square(of_each):.4f}",
        f"{100 * within.mean():.0f} %",
    ]


def _moved_differences(pairs: Sequence[PairScores], one: str, other: str) -> Array:
    """Differences of two systems after each move, ``(moves, pairs)``, dB."""
    moved = []
    for move in MOVES:
        after = [pair.moved_by(move) for pair in pairs]
        moved.append(_differences(after, one, other))
    return np.array(moved)


def _resolution_of_each(changes: Array) -> list[float]:
    """The resolution of each picture alone."""
    of_each = []
    for number in range(changes.shape[1]):
        alone = changes[:, [number]]
        of_each.append(resolution(alone, (0,)) or 0.0)
    return of_each


def _differences(
    scores: Sequence[Scores],
    one: str,
    other: str,
) -> Array:
    """By how much a system is better than another on each pair, dB."""
    return np.array([pair[one] - pair[other] for pair in scores])


def main() -> None:
    """Render, register, restore and score the pairs, and print the table."""
    given = _typed()
    files = scene_files("test", given.photos, given.stacks)
    systems = restorers(given.system or SYSTEMS)
    pairs = []
    for index in track(range(given.pairs), "real-like pairs"):
        scores = pair_scores(real_like_pair(files, SEED, index), systems)
        if scores is not None:
            pairs.append(scores)
    if given.json:
        text = json.dumps(list(map(vars, pairs)))
        write_bytes(given.json, text.encode())
    sigma = _root_mean_square([pair.sigma_px for pair in pairs])
    error = _root_mean_square([pair.error_px for pair in pairs])
    print(  # noqa: T201
        f"{len(pairs)} of {given.pairs} real-like pairs registered; standard error {sigma:.3f} px, "
        f"error {error:.3f} px along each axis (root mean square)\n\n{resolution_table(pairs)}"
    )


def _root_mean_square(values: Sequence[float] | Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _typed() -> argparse.Namespace:
    """Options as they were typed."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument(
        "--photos",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
    )
    words.add_argument(
        "--stacks",
        type=Path,
        metavar="FOLDER",
        help="folder of focus stacks",
    )
    words.add_argument("--pairs", type=int, default=300)
    words.add_argument(
        "--system",
        action="append",
        default=[],
        metavar="NAME",
    )
    words.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="also keep the scores",
    )
    return words.parse_args()


if __name__ == "__main__":
    main()
