"""Whether the straight lines of a chart that was found are straight in the picture.

Lenses bend them too, so a second number is what the smooth geometry of the sheet leaves."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.edges.linear_light import grey_of
from defocus.edges.straightness import LEAST_PLACES, Straightness, line_deviation
from defocus.extras.charts.measures.edge_summary import straightness_json
from defocus.extras.charts.reading.geometry import (
    ChartGeometry,
    dot_centres,
    leaves_picture,
    most_blur_px,
)
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.sheet.layout import ACROSS, DOWN, Layout, Sheet, make_sheet
from defocus.extras.charts.sheet.parts import RuledLine
from defocus.extras.charts.straightness import places_straightness

Mask = NDArray[np.bool_]

Floats = NDArray[np.float64]
Light = Floats | StoredLight
LineKind: TypeAlias = Literal["frame", "line", "grid"]

BLOCK_MM, END_MM, FINE_MM = 2.0, 0.5, 0.1
"""Length of line that gives one place, length that is left out at its ends, and step of the search,
mm."""
REACH_MM = 1.8
"""Half width of the strip around a line that is examined, mm: the next line is 4 mm away."""
LEVEL = 0.75
"""Share of the half width beyond which a profile shows the level of the paper and of the blur
around it."""
STEPS_PER_PX = 2
ROUNDS = 4
LEAST_DEPTH = 0.05
"""Least depth of a line that is measured, as a share of the light between ink and paper."""
HIDDEN = "blur or noise hides the line; focus better, come nearer or give more light"
OUTSIDE = "outside the picture"
FEW_DOTS = "fewer than five of its dots are seen"
FEW_USED = "fewer than five of its dots fit the sheet's geometry"
MIXED = "blur mixes its dots with their surroundings; focus better or come nearer"
UNKNOWN = "no edge near its dots is measured, so their blur is not known"


@dataclass(frozen=True)
class ReadLine:
    """A straight line of the chart."""

    kind: LineKind
    x: float
    y: float
    length: float
    along: Floats  # ``(N,)`` where along the line it was looked for, -1 to 1
    places: Floats  # ``(N, 2)`` px, where it was found; NaN where it was not, or not well enough
    off_px: Floats  # ``(N,)`` distance from where the geometry has the line, along its normal
    reason: str = ""  # why it was not measured; empty if it was

    @property
    def in_picture(self) -> Straightness | None:
        """Deviation from a straight line in the picture; None if it was not measured."""
        return None if self.reason else places_straightness(self.places)

    @property
    def beyond(self) -> Straightness | None:
        """Deviation without the perspective and distortion that were fitted to the sheet."""
        return None if self.reason else line_deviation(self.along, self.off_px)


def read_sides(
    sheet: Sheet,
    geometry: ChartGeometry,
    blurs_px: Floats,
) -> Iterator[ReadLine]:
    """The four rows of dots around the chart, its longest straight lines.

    A dot counts if the geometry used it and its blur keeps its light within its window."""
    largest = np.array([most_blur_px(geometry, dot) for dot in sheet.dots])
    sharp = np.asarray(blurs_px <= largest)
    is_seen = np.isfinite(geometry.centres).all(axis=1)
    conditions = (
        (np.asarray(is_seen), FEW_DOTS),
        (geometry.used, FEW_USED),
        (np.isfinite(blurs_px), UNKNOWN),
        (sharp, MIXED),
    )
    known = geometry.used & sharp
    places = np.where(known[:, None], geometry.centres, np.nan)
    dots = np.array([(dot.x, dot.y) for dot in sheet.dots])
    expected = dot_centres(geometry, sheet.dots)
    for chosen in _sides_of(len(dots)):
        reason = _lacking(chosen, conditions)
        yield _side(dots[chosen], places[chosen], expected[chosen], reason)


def _sides_of(count: int) -> Iterator[NDArray[np.int_]]:
    """Numbers of the dots of each side of the frame, which go round the sheet."""
    corners = np.cumsum([0, ACROSS - 1, DOWN - 1, ACROSS - 1, DOWN - 1])
    for first, last in pairwise(corners.tolist()):
        yield np.arange(first, last + 1) % count


def _side(
    dots: Floats,
    places: Floats,
    expected: Floats,
    reason: str,
) -> ReadLine:
    """One side of the frame, from its dots on the sheet, mm, and in the picture, px."""
    x, y = dots.mean(axis=0)
    length = float(np.hypot(*(dots[-1] - dots[0])))
    direction = expected[-1] - expected[0]
    normal = np.array([-direction[1], direction[0]]) / np.hypot(*direction)
    moves = places - expected
    return ReadLine(
        "frame",
        float(x),
        float(y),
        length,
        along=np.linspace(-1.0, 1.0, len(dots)),
        places=places,
        off_px=moves @ normal,
        reason=reason,
    )


def _lacking(
    chosen: NDArray[np.int_],
    conditions: Iterable[tuple[Mask, str]],
) -> str:
    """The reason of the first condition that leaves too few of the chosen dots; empty if none."""
    left = np.ones(len(chosen), np.bool_)
    for holds, reason in conditions:
        left &= holds[chosen]
        if left.sum() < LEAST_PLACES:
            return reason
    return ""


def read_lines(
    light: Light,
    sheet: Sheet,
    geometry: ChartGeometry,
    white: float,
    black: float,
) -> Iterator[ReadLine]:
    """Measure the printed lines in linear light, or say why not."""
    least_depth = LEAST_DEPTH * (white - black)
    for line, middles in _blocks(sheet.layout):
        yield _measured(light, geometry, line, middles, least_depth)


@lru_cache(maxsize=2)
def _blocks(layout: Layout) -> tuple[tuple[RuledLine, Floats], ...]:
    """The printed lines, and the middles of the blocks of each that no other line crosses, mm."""
    lines = make_sheet(layout).of_kind(RuledLine)
    half = np.linspace(-1.0, 1.0, 9)
    grid = np.meshgrid(half * BLOCK_MM / 2, half * REACH_MM)
    window = np.stack(grid, axis=-1).reshape(-1, 2)
    rows = []
    for line in lines:
        middles, free = _free_middles(lines, line, window)
        blocks = [_spread(run) for run in _runs(middles, free)]
        rows.append((line, np.concatenate(blocks)))
    return tuple(rows)


def _free_middles(
    lines: Sequence[RuledLine],
    line: RuledLine,
    window: Floats,
) -> tuple[Floats, Mask]:
    """Middles along a line at which no other line crosses a block."""
    others = [other for other in lines if other is not line]
    reach = line.length / 2 - END_MM - BLOCK_MM / 2
    steps = round(2 * reach / FINE_MM)
    middles = np.linspace(-reach, reach, steps + 1)
    blocks = _on_sheet(line, window + _on_axis(middles)[:, None])
    crossed = [_covers(other, blocks) for other in others]
    free = ~np.any(crossed, axis=0)
    return middles, free


def _on_axis(along: Floats) -> Floats:
    """``(N, 2)`` places along a line, on its axis, mm."""
    return np.stack([along, np.zeros_like(along)], axis=1)


def _runs(middles: Floats, free: Mask) -> list[Floats]:
    """The stretches in which a block may lie."""
    changes = np.flatnonzero(np.diff(free)) + 1
    parts = np.split(np.arange(len(middles)), changes)
    return [middles[part] for part in parts if free[part[0]]]


def _spread(run: Floats) -> Floats:
    """Middles of blocks that fill a stretch evenly, so that both of its ends are alike."""
    first, last = run[0], run[-1]
    middle = (first + last) / 2
    count = int((last - first) / BLOCK_MM + 1e-6) + 1
    steps = np.arange(count) - (count - 1) / 2
    return np.asarray(steps * BLOCK_MM + middle)


def _axes(line: RuledLine) -> Floats:
    """``(2, 2)`` unit vectors along a line and across it."""
    turn = math.radians(line.turn_deg)
    cosine = math.cos(turn)
    sine = math.sin(turn)
    return np.array([(cosine, sine), (-sine, cosine)])


def _on_sheet(line: RuledLine, points: Floats) -> Floats:
    """Places on the sheet of ``(..., 2)`` places along and across a line, mm."""
    start = np.array([line.x, line.y])
    return np.asarray(points @ _axes(line) + start, np.float64)


def _covers(line: RuledLine, blocks: Floats) -> Mask:
    """``(N,)`` whether a line is printed at any of the ``(N, P, 2)`` places of blocks, mm."""
    from_start = blocks - np.array([line.x, line.y])
    off = np.abs(from_start @ _axes(line).T)
    half_size = (line.length / 2, line.width / 2)
    inside = (off <= half_size).all(axis=-1)
    return np.asarray(inside.any(axis=-1))


def _measured(
    light: Light,
    geometry: ChartGeometry,
    line: RuledLine,
    middles: Floats,
    least_depth: float,
) -> ReadLine:
    """Follow a line from block to block."""
    expected = geometry.to_picture(_on_sheet(line, _on_axis(middles)))
    along = middles / np.abs(middles).max()
    about: tuple[LineKind, float, float, float] = line.kind, line.x, line.y, line.length
    part = _cut(light, geometry, line, middles)
    if part is None:
        unseen = np.full_like(middles, np.nan)
        places = np.stack([unseen, unseen], axis=1)
        return ReadLine(*about, along, places, unseen, OUTSIDE)
    off = _offsets(*part, geometry, line, middles, least_depth)
    return _read(geometry, line, middles, off, expected, about, along)


def _read(
    geometry: ChartGeometry,
    line: RuledLine,
    middles: Floats,
    off: Floats,
    expected: Floats,
    about: tuple[LineKind, float, float, float],
    along: Floats,
) -> ReadLine:
    """A line with what its blocks show."""
    on_line = np.stack([middles, off], axis=1)
    places = geometry.to_picture(_on_sheet(line, on_line))
    distance = np.hypot(*(places - expected).T)
    off_px = np.copysign(distance, off)
    hidden = np.isfinite(off).sum() < max(LEAST_PLACES, len(off) / 2)
    reason = HIDDEN if hidden else ""
    return ReadLine(*about, along, places, off_px, reason)


def _cut(
    light: Light,
    geometry: ChartGeometry,
    line: RuledLine,
    middles: Floats,
) -> tuple[NDArray[np.float32], Floats] | None:
    """Luminance around a line, and the px of its top left corner; None if it leaves the picture."""
    outline = _outline(geometry, line, middles)
    left, top = np.floor(outline.min(axis=0)).astype(int) - 2
    right, bottom = np.ceil(outline.max(axis=0)).astype(int) + 3
    if leaves_picture((left, top, right, bottom), light.shape):
        return None
    part = grey_of(light[top:bottom, left:right]).astype(np.float32)
    return part, np.array([left, top], np.float64)


def _outline(geometry: ChartGeometry, line: RuledLine, middles: Floats) -> Floats:
    """The ends of a line's surroundings in the picture."""
    ends = np.array([middles[0] - BLOCK_MM, middles[-1] + BLOCK_MM])
    grid = np.meshgrid(ends, (-2 * REACH_MM, 2 * REACH_MM))
    corners = np.stack(grid, axis=-1).reshape(-1, 2)
    return geometry.to_picture(_on_sheet(line, corners))


def _offsets(
    part: NDArray[np.float32],
    corner: Floats,
    geometry: ChartGeometry,
    line: RuledLine,
    middles: Floats,
    least_depth: float,
) -> Floats:
    """Distance of each block from the line, mm: an even veil of mixed light moves nothing."""
    scale = geometry.scale(line.x, line.y)
    half = math.ceil(REACH_MM * scale * STEPS_PER_PX)
    across = np.linspace(-REACH_MM, REACH_MM, 2 * half + 1)
    within = np.linspace(-BLOCK_MM / 2, BLOCK_MM / 2, math.ceil(BLOCK_MM * scale) + 1)
    paper = np.abs(across) >= LEVEL * REACH_MM
    core = np.abs(across) <= max(line.width / 2, 1 / scale)
    off = np.zeros_like(middles)
    seen = np.ones_like(middles, np.bool_)
    for _ in range(ROUNDS):
        grid = _grid(middles, within, off, across)
        on_sheet = _on_sheet(line, grid.reshape(-1, 2))
        places = geometry.to_picture(on_sheet) - corner
        light = _light_at(part, places.reshape(grid.shape))
        dark = _darkness(light, paper)
        seen &= dark[:, core].mean(axis=1) >= least_depth
        total = np.where(seen, dark.sum(axis=1), np.inf)
        moved = (dark * across).sum(axis=1) / total
        off = np.clip(off + moved, -REACH_MM, REACH_MM)
    good = seen & (np.abs(off) < REACH_MM)
    return np.where(good, off, np.nan)


def _darkness(light: NDArray[np.float32], paper: Mask) -> NDArray[np.float32]:
    """``(blocks, across)``: how much darker each block's profile is than the paper beside it."""
    profile = light.mean(axis=1)
    level = profile[:, paper].mean(axis=1, keepdims=True)
    return np.asarray(level - profile)


def _grid(
    middles: Floats,
    within: Floats,
    off: Floats,
    across: Floats,
) -> Floats:
    """``(blocks, within, across, 2)`` places along a line and across it, mm."""
    grid = np.empty((len(middles), len(within), len(across), 2))
    grid[..., 0] = middles[:, None, None] + within[:, None]
    grid[..., 1] = off[:, None, None] + across
    return grid


def _light_at(part: NDArray[np.float32], places: Floats) -> NDArray[np.float32]:
    """Light of a part of the picture at places ``(blocks, within, across, 2)``, px."""
    *shape, count, _ = places.shape
    flat = places.astype(np.float32).reshape(-1, count, 2)
    columns = np.ascontiguousarray(flat[..., 0])
    rows = np.ascontiguousarray(flat[..., 1])
    light = cv2.remap(part, columns, rows, cv2.INTER_LINEAR)
    return np.asarray(light.reshape(*shape, count))


NAMES: dict[LineKind, str] = {
    "frame": "rows of dots",
    "line": "printed lines",
    "grid": "lines of the grid",
}


def line_words(lines: Sequence[ReadLine]) -> list[str]:
    """How straight the lines of each kind are, and the reasons of those that were not measured."""
    said = []
    for kind, facts in lines_json(lines)["straightness"].items():
        name = f"  {NAMES[kind]}: {facts['measured']} of {facts['printed']} measured"
        words = [name]
        if facts["rms_px"] is not None:
            words[0] += (
                f", {facts['rms_px']:.2f} px RMS off a straight line, at most "
                f"{facts['largest_px']:.2f}"
            )
            words.append(f"{facts['beyond_rms_px']:.2f} beyond the sheet's geometry")
        reasons = {line.reason for line in lines if line.kind == kind}
        words += sorted(reasons - {""})
        said.append("; ".join(words))
    return said


def lines_json(lines: Sequence[ReadLine]) -> dict[str, Any]:
    """The lines as JSON values, each by itself and all of a kind together."""
    return {
        "straightness": {kind: _summary(list(some)) for kind, some in _by_kind(lines)},
        "lines": list(map(_line_json, lines)),
    }


def _line_json(line: ReadLine) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "x_mm": line.x,
        "y_mm": line.y,
        "length_mm": line.length,
        "reason": line.reason,
        "in_picture": straightness_json(line.in_picture),
        "beyond_geometry": straightness_json(line.beyond),
    }


def _by_kind(
    lines: Iterable[ReadLine],
) -> Iterator[tuple[LineKind, Iterator[ReadLine]]]:
    return groupby(lines, key=lambda one: one.kind)


def _summary(lines: Sequence[ReadLine]) -> dict[str, Any]:
    """Root mean square and largest deviation over lines; None without any."""
    seen = [line.in_picture for line in lines if line.in_picture]
    beyond = [line.beyond for line in lines if line.beyond]
    return {
        "printed": len(lines),
        "measured": len(seen),
        "rms_px": _root_mean_square([one.rms_px for one in seen]),
        "largest_px": max((one.largest_px for one in seen), default=None),
        "beyond_rms_px": _root_mean_square([one.rms_px for one in beyond]),
    }


def _root_mean_square(values: Sequence[float]) -> float | None:
    if not values:
        return None
    mean_square = np.mean(np.square(values))
    return float(np.sqrt(mean_square))
