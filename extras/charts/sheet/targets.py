"""Targets to put into scenes: a star to focus on, and textures by which pictures are registered.

Scenes often have nothing sharp enough where focus shall be, or plain walls."""

from dataclasses import dataclass
from itertools import chain

from defocus.extras.charts.sheet.layout import (
    HEIGHT,
    LEAVES_SIDE,
    PAPERS,
    SEED,
    WIDTH,
    Paper,
)
from defocus.extras.charts.sheet.parts import (
    LeavesSquare,
    Part,
    SlantedSquare,
    StarPattern,
    box,
    part_shapes,
)
from defocus.scene.shapes import BLACK, Shape, words

STAR_RADIUS, STAR_CYCLES = 62.0, 36
SQUARE, RULER_X = 40.0, 34.0
PLACES = ((265, 78), (365, 78), (265, 208), (365, 208))
LINE = 0.4
RULER_MM = 100


@dataclass(frozen=True)
class TargetSheet:
    """A sheet of targets, landscape; shapes are printed in their order from below."""

    paper: Paper
    shapes: list[Shape]


def make_targets() -> TargetSheet:
    """Make the sheet, on A4: a star to focus with its slanted square, and squares of leaves."""
    parts: list[Part] = [
        StarPattern(105, 110, STAR_RADIUS, STAR_CYCLES),
        SlantedSquare(105, 228, SQUARE, 5.0),
    ]
    for number, (x, y) in enumerate(PLACES):
        parts.append(LeavesSquare(x, y, LEAVES_SIDE, SEED + number))
    shapes = list(chain.from_iterable(map(part_shapes, parts)))
    lines = [box(x, HEIGHT / 2, LINE, HEIGHT - 20, BLACK) for x in (210, 315)]
    lines.append(box(315, HEIGHT / 2, WIDTH - 230, LINE, BLACK))
    labels = [
        words("Focus: turn until the grey middle is smallest", 20, 30, 5),
        words(f"{RULER_MM} mm", RULER_X, 283, 4),
    ]
    for x, y in PLACES:
        labels.append(words("Registration", x - LEAVES_SIDE / 2, y - 30, 4))
    return TargetSheet("a4", [*shapes, *lines, *_ruler(), *labels])


def _ruler() -> list[Shape]:
    """A line with a mark every 10 mm of the printed page."""
    unit = WIDTH / PAPERS["a4"][0]
    ruler: list[Shape] = [
        box(RULER_X + RULER_MM * unit / 2, 270, RULER_MM * unit, LINE, BLACK)
    ]
    for mark in range(0, RULER_MM + 1, 10):
        x = RULER_X + mark * unit
        ruler.append(box(x, 270, LINE, 4, BLACK))
    return ruler
