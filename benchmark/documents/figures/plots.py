"""Figures of a study: quality against cost, training curves."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from defocus.benchmark.leaderboard.columns import COST_COLUMNS, BoardPlace
from defocus.benchmark.leaderboard.content import Content, TrackKey, display_name
from defocus.benchmark.leaderboard.lines import (
    Board,
    BoardLine,
    Convention,
    read_boards,
    track_of,
)
from defocus.benchmark.metrics.metric import all_metrics
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import Entry
from defocus.reports.model import Curve, Curves, Point, Scatter
from defocus.training.record.curve_files import read_numbers
from defocus.training.record.folder import CURVE

CURVE_POINTS = 200
"""Approximate number of points of a training curve, each the mean of its stretch."""

CURVES_PER_FIGURE = 6
"""Largest number of curves in a figure: more lines than colours could not be distinguished."""


FEWEST_SYSTEMS = 3
"""Least number of systems for a figure of quality against cost: two are read faster in the
table."""


def pareto_plots(content: Content) -> list[Scatter]:
    """PSNR against multiply-adds and against time, one figure per leaderboard and cost."""
    # The front is only of the largest track's systems that are not below the blurry input.
    figures = []
    for board in read_boards(content):
        figures.append(_pareto(content, board, "macs_g"))
        figures.append(_pareto(content, board, "seconds"))
    return list(filter(None, figures))


def _pareto(content: Content, board: Board, cost: str) -> Scatter | None:
    metric = all_metrics()["psnr"]
    convention = board.conventions[0]
    spots = _spots(board, convention, cost)
    if len(spots) < FEWEST_SYSTEMS:
        return None
    ranked = _largest_track(content, spots, convention)
    above = [line for line in ranked if not _below_input(line, convention)]
    front = pareto_front({line.place: spots[line] for line in above})
    column = COST_COLUMNS[cost]
    return Scatter(
        f"{board.name}: quality against {column.name}",
        f"{column.name}, {column.unit}",
        f"{metric.display_name}, {metric.unit}, under {convention.protocol}",
        tuple(_points(spots, front)),
        marked_as=f"Pareto front; {ranked[0].track.words}" if front else "",
        log_x=True,
    )


def _points(
    spots: Mapping[BoardLine, tuple[float, float]],
    front: Collection[str],
) -> Iterator[Point]:
    """The points of a plot, the highest first, those of the front marked."""
    for line in sorted(spots, key=lambda one: (-spots[one][1], one.name)):
        x, y = spots[line]
        yield Point(line.name, x, y, marked=line.place in front)


def _largest_track(
    content: Content,
    lines: Iterable[BoardLine],
    convention: Convention,
) -> list[BoardLine]:
    """The ranked lines of the track that has most of them."""
    tracks: dict[TrackKey, list[BoardLine]] = defaultdict(list)
    for line in lines:
        if track_of(content, line, convention)[1] is not None:
            tracks[line.track].append(line)
    return max(tracks.values(), key=len, default=[])


def _spots(
    board: Board,
    convention: Convention,
    cost: str,
) -> dict[BoardLine, tuple[float, float]]:
    """Cost and PSNR of the systems that have both."""
    psnr, spent = BoardPlace(convention, "psnr"), BoardPlace(None, cost)
    spots = {}
    for line in board.ordered(convention):
        x, y = spent.number(line), psnr.number(line)
        if not line.reference and x and y is not None:
            spots[line] = x, y
    return spots


def _below_input(line: BoardLine, convention: Convention) -> bool:
    row = line.row(convention, "psnr")
    return row is not None and row.gain is not None and row.gain < 0


def pareto_front(spots: dict[str, tuple[float, float]]) -> set[str]:
    """Names of the systems that no other beats in quality at the same or lower cost."""
    front: set[str] = set()
    best = -math.inf

    def cheapest_first(name: str) -> tuple[float, float, str]:
        cost, quality = spots[name]
        return cost, -quality, name

    for name in sorted(spots, key=cheapest_first):
        _, quality = spots[name]
        if quality > best:
            best = quality
            front.add(name)
    return front


def training_curves(content: Content) -> list[Curves]:
    """Plots of the losses of all trainings, several per figure."""
    curves = []
    for first, *_ in content.scored():
        file = run_folder(content.out, first.run) / CURVE
        points = read_numbers(file, "step", "loss")
        if len(points) >= 2:
            steps, losses = zip(*_thinned(points), strict=True)
            label = _label(content, first)
            curves.append(Curve(label, tuple(steps), tuple(losses)))
    if len(curves) <= CURVES_PER_FIGURE:
        return [_figure(curves, "")] if curves else []
    figures: list[Curves] = []
    for start in range(0, len(curves), CURVES_PER_FIGURE):
        shown = curves[start : start + CURVES_PER_FIGURE]
        figures.append(_figure(shown, f" ({len(figures) + 1})"))
    return figures


def _figure(curves: Sequence[Curve], number: str) -> Curves:
    losses = chain.from_iterable(curve.y for curve in curves)
    positive = all(loss > 0 for loss in losses)
    caption = f"Training loss by step{number}"
    return Curves(caption, "step", "loss", tuple(curves), log_y=positive)


def _label(content: Content, entry: Entry) -> str:
    """The system's name, with further distinctions if the study needs them."""
    trained = set()
    budgets = set()
    for first, *_ in content.groups:
        trained.add(first.train_dataset)
        budgets.add(first.budget)
    trained.discard("")
    distinctions = []
    if len(trained) > 1:
        distinctions.append(entry.train_dataset)
    if len(budgets) > 1:
        distinctions.append(entry.budget)
    name = display_name(content, entry.system)
    return f"{name} ({', '.join(distinctions)})" if distinctions else name


def _thinned(points: Sequence[tuple[float, ...]]) -> list[tuple[float, float]]:
    """Means over stretches of a curve, each at the last step of its stretch."""
    stretch = math.ceil(len(points) / CURVE_POINTS)
    means = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        last_step = part[-1][0]
        total = math.fsum(loss for _, loss in part)
        means.append((last_step, total / len(part)))
    return means
