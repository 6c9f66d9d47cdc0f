"""Real pairs moved in a known way: how well methods take it back. The tables go to stdout.

``python -m research.alignment_truth.real_pairs DATASET``, a dataset such as ``pairs:FOLDER``."""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import click
import cv2
import numpy as np

from defocus.align.compensation.compensate import Release, plan_compensation
from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, flow_estimator
from defocus.align.measure import Measurement, measure
from defocus.align.registration.models import corner_distance_px
from defocus.align.sampling.positions import pixel_grid, sampled, transformed
from defocus.datasets.api import open_dataset
from defocus.pictures.read import read_pair
from defocus.pictures.values import Image, as_float, as_integer, as_linear
from defocus.progress import track
from research.alignment_truth.methods import METHODS, REFERENCE, Members
from research.alignment_truth.real_like.moved import Bend, moved
from research.alignment_truth.real_like.pair import draw_warp
from research.alignment_truth.real_like.peers import OURS, PEERS, Placed
from research.alignment_truth.real_like.score import (
    RAW,
    WarpScore,
    method_means,
    scores_of,
)
from research.alignment_truth.real_like.table import method_table
from research.alignment_truth.stacks import in_focus
from research.light import Array, Mask, Matrix, Random, encoded, homogeneous, single
from research.markdown import number_or_dash, row

Answer = tuple[str, Placed | None, float]

SEED = 57
WHOLE, BENT = KINDS = ("moved as a whole", "moved with breathing and parallax")
DETAIL_SIGMA_PX = 4.0
"""Standard deviation of the Gaussian that separates light from detail, px: what changes over more
is light."""
LEAST_FOCUS = 0.03
LIKE_DB, APART_PX = 0.2, 0.5
"""Limits of a doubtful reference: another answer is worse by less than this, dB, but farther away
than this, px."""


@dataclass(frozen=True)
class Reference:
    """The transform, of all that methods say, under which the members are most alike in focus."""

    matrix: Matrix  # ``(3, 3)`` from blurry to sharp positions
    focus: float  # share of the blurry picture that is in focus
    # how alike the members are there, by name of the answer
    like_db: Mapping[str, float]
    sure: bool  # no other answer is nearly as much alike


def reference(
    blurry: Image,
    sharp: Image,
    answers: Mapping[str, Matrix],
) -> Reference:
    """Choose among the answers and none, by the detail where the blurry member is in focus."""
    candidates = {RAW: np.eye(3), **answers}
    grid = pixel_grid(*blurry.shape[:2])
    frame = single(as_float(blurry))
    aligned = {}
    for name, matrix in candidates.items():
        aligned[name] = _at(sharp, transformed(grid, matrix))
    in_focus_of = [in_focus(frame, picture) for picture in aligned.values()]
    focus = np.logical_and.reduce(in_focus_of)
    share = float(focus.mean())
    if share < LEAST_FOCUS:
        return Reference(np.eye(3), share, {}, sure=False)
    like = _like_db(aligned, _detail(frame), focus)
    best = _most_alike(like)
    chosen = candidates[best]
    apart_px = []
    for name, like_db in like.items():
        if like_db > like[best] - LIKE_DB:
            other = candidates[name]
            apart_px.append(corner_distance_px(other, chosen, blurry.shape))
    sure = max(apart_px) <= APART_PX
    return Reference(chosen, share, like, sure)


def _most_alike(like_db: Mapping[str, float]) -> str:
    """Name of the answer under which the members are most alike."""
    return max(like_db, key=lambda name: like_db[name])


def _like_db(
    aligned: dict[str, Array],
    detail: Array,
    focus: Mask,
) -> dict[str, float]:
    """How alike the detail in focus is under each answer, dB."""
    like = {}
    for name, picture in aligned.items():
        difference = _detail(picture) - detail
        squares = np.square(difference)
        mean_square = squares[focus].mean()
        like[name] = float(-10 * np.log10(mean_square))
    return like


def _at(sharp: Image, places: Array) -> Array:
    """The picture at positions, as stored light."""
    light = as_linear(sharp)
    return encoded(sampled(light, places, cubic=True))


def _detail(picture: Array) -> Array:
    return picture - cv2.GaussianBlur(picture, (0, 0), DETAIL_SIGMA_PX)


def _answers(blurry: Image, sharp: Image) -> tuple[list[Answer], str]:
    """Each method's answer and CPU seconds, and why ours is none."""
    start = time.process_time()
    measured = measure(blurry, sharp, flow_estimator(DEFAULT_ESTIMATOR))
    places = _own_places(blurry, sharp, measured)
    seconds = time.process_time() - start
    answers = []
    for name, own_place in zip(OURS, places, strict=True):
        answers.append((name, own_place, seconds))
    for name, method in {**PEERS, "DIS flow": _dis_flow}.items():
        if name in OURS:
            continue
        start = time.process_time()
        place = method(blurry, sharp)
        seconds = time.process_time() - start
        answers.append((name, place, seconds))
    return answers, measured.misalignment.reason


def _own_places(
    blurry: Image,
    sharp: Image,
    measured: Measurement,
) -> list[Placed | None]:
    """Places of each pixel by our transform and our flow; None if there is no transform."""
    matrix = measured.misalignment.matrix
    if matrix is None:
        return [None, None]
    height, width = blurry.shape[:2]
    columns = np.arange(width, dtype=float)
    rows = np.arange(height, dtype=float)
    sigma = measured.misalignment.sigma
    corner_px = None if sigma is None else sigma.corner_px
    places: list[Placed | None] = []
    for model in ("global", "flow"):
        plan = plan_compensation(measured, sharp.shape, Release(model))
        positions = np.stack(plan.placement(columns, rows))
        places.append(Placed(positions.astype(np.float32), matrix, corner_px))
    return places


def _dis_flow(blurry: Image, sharp: Image) -> Placed:
    """Dense inverse search itself."""
    members = Members(single(as_float(blurry)), single(as_float(sharp)))
    flow = METHODS[REFERENCE](members).flow
    assert flow is not None  # noqa: S101 - for the type checker: it always has one
    places = pixel_grid(*blurry.shape[:2]) + flow
    return Placed(places, _affine(places))


def _affine(places: Array) -> Matrix:
    """The affine transform nearest to where the pixels lie."""
    grid = pixel_grid(*places.shape[1:])
    start = grid[:, ::8, ::8].reshape(2, -1)
    end = places[:, ::8, ::8].reshape(2, -1)
    end = end.astype(np.float64)
    with_ones = np.vstack([start, np.ones_like(start[:1])])
    columns, *_ = np.linalg.lstsq(with_ones.T, end.T, rcond=None)
    return homogeneous(columns.T)


def shot_reference(blurry: Image, sharp: Image) -> Reference:
    """The reference of a pair as it was shot, by the answers of all methods."""
    answers, _ = _answers(blurry, sharp)
    matrices = {}
    for name, place, _ in answers:
        if place is not None:
            matrices[name] = place.matrix
    return reference(blurry, sharp, matrices)


def moves(
    sharp: Image,
    shot: Reference,
    rng: Random,
) -> Iterator[tuple[str, Image, Placed]]:
    """The sharp picture moved in each way, and the positions of the blurry one's pixels in it."""
    start = transformed(pixel_grid(*sharp.shape[:2]), shot.matrix)
    for kind in KINDS:
        matrix = draw_warp(sharp.shape[:2], rng)
        bend = Bend.drawn(rng)
        picture, there = moved(sharp, matrix, bend if kind == BENT else None)
        places = there(start)
        yield kind, picture, Placed(places, _affine(places))


@dataclass(frozen=True)
class Trial:
    """A pair as shot, and its scores and reasons by kind of move; both are empty if not sure."""

    name: str
    shot: Reference
    scores: Mapping[str, dict[str, WarpScore]]
    reasons: Mapping[str, str]


def trial(
    name: str,
    blurry: Image,
    sharp: Image,
    number: int,
) -> Trial:
    """Try every method on a pair; the same number gives the same moves."""
    shot = shot_reference(blurry, sharp)
    scores: dict[str, dict[str, WarpScore]] = {}
    reasons: dict[str, str] = {}
    places = transformed(pixel_grid(*blurry.shape[:2]), shot.matrix)
    wanted = as_integer(_at(sharp, places), 8)
    rng = np.random.default_rng([SEED, number])
    moved_members = moves(sharp, shot, rng) if shot.sure else ()
    for kind, picture, true in moved_members:
        answers, reason = _answers(blurry, picture)
        scores[kind] = scores_of(picture, wanted, true, answers)
        if reason:
            reasons[kind] = reason
    return Trial(name, shot, scores, reasons)


def report(trials: Sequence[Trial]) -> str:
    """The tables, and what is left out and why, as Markdown."""
    lines = [
        "| pair | in focus | most alike | dB | ours, dB |",
        "| --- | ---: | --- | ---: | ---: |",
    ]
    lines += map(_shot_row, trials)
    parts = ["\n".join(lines)]
    for kind in KINDS:
        pairs = [trial.scores[kind] for trial in trials if kind in trial.scores]
        means = method_table(method_means(pairs))
        parts.append(f"### {len(pairs)} real pairs, {kind}\n\n{means}")
        failed = [trial for trial in trials if kind in trial.reasons]
        parts += [f"- {trial.name}: {trial.reasons[kind]}" for trial in failed]
    unsure = [trial.name for trial in trials if not trial.shot.sure]
    parts.append(f"Without a sure reference: {', '.join(unsure) or 'none'}.")
    return "\n\n".join(parts)


def _shot_row(trial: Trial) -> str:
    """A row of the table of pairs: the most alike answer, and ours."""
    like = trial.shot.like_db
    best = _most_alike(like) if like else "–"
    most = number_or_dash(like.get(best), 1)
    own = number_or_dash(like.get(OURS[0]), 1)
    focus = f"{100 * trial.shot.focus:.0f} %"
    return row(trial.name, focus, best, most, own)


def main() -> None:
    """Print the tables of a dataset."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("dataset")
    dataset = open_dataset(words.parse_args().dataset)
    trials = []
    for number, pair in enumerate(track(dataset.pairs, "pairs")):
        if pair.sharp is None:
            continue
        members = read_pair(pair.blurry, pair.sharp)
        blurry, sharp = (as_integer(as_float(member), 8) for member in members)
        trials.append(trial(pair.id, blurry, sharp, number))
    click.echo(report(trials))


if __name__ == "__main__":
    main()
