"""Which parts a chart has, and where.

Blurred dots keep their centres: a frame of them gives geometry, its corners layout and top."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, pairwise, product
from typing import Literal, TypeAlias, TypeVar, get_args

import numpy as np

from defocus.errors import InputError
from defocus.extras.charts.sheet.parts import (
    Dot,
    LeavesSquare,
    Part,
    Patch,
    RuledLine,
    SlantedSquare,
    StarPattern,
    TextLine,
    box,
    grey,
    part_shapes,
)
from defocus.scene.shapes import BLACK, Colour, Shape, words

Kind = TypeVar("Kind", bound=Part)
Layout: TypeAlias = Literal["wall", "depths"]
Paper: TypeAlias = Literal["a3", "a4", "letter"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
PAPERS: dict[Paper, tuple[float, float]] = {
    "a3": (420.0, 297.0),
    "a4": (297.0, 210.0),
    "letter": (279.4, 215.9),
}
"""Width and height, mm; the chart is as wide as the paper."""

WIDTH, HEIGHT = PAPERS["a3"]
SEED = 12233
FRAME, INSET = 16.0, 32.0
DOT, LARGE_DOT = 6.0, 8.2
ACROSS, DOWN = 8, 6
COLUMNS: dict[Layout, int] = {"wall": 6, "depths": 5}
ROWS = 4
SQUARE, LEAVES_SIDE, STAR_RADIUS, CYCLES = 34.0, 44.0, 23.0, 36
LOW = (0.125, 0.5)
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ2345679"
TEXT_HEIGHTS = (6.0, 4.0, 2.8)
GREYS = (0.02, 0.05, 0.1, 0.18, 0.3, 0.45, 0.65, 0.9)
COLOURS = (
    (175, 54, 60),
    (70, 148, 73),
    (56, 61, 150),
    (231, 199, 31),
    (187, 86, 149),
    (8, 133, 161),
    (115, 82, 68),
    (194, 150, 130),
    (98, 122, 157),
    (87, 108, 67),
    (133, 128, 177),
    (214, 126, 44),
)
RULER_MM = 80
DOTS_PER_DETAIL = 2
FINEST = 0.25
LARGE_CORNERS: dict[Layout, tuple[int, ...]] = {"wall": (0,), "depths": (0, 1)}
"""Corners with a large dot: 0 top left, 1 top right."""


@dataclass(frozen=True)
class Sheet:
    """A chart; the ``wall`` layout is for flat walls, ``depths`` for a tilted board."""

    layout: Layout
    paper: Paper
    parts: tuple[Part, ...]
    labels: tuple[Shape, ...]

    @property
    def dots(self) -> tuple[Dot, ...]:
        """The frame, clockwise from the top left corner."""
        return self.of_kind(Dot)

    def of_kind(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """The parts of one kind, in their order."""
        return tuple(part for part in self.parts if isinstance(part, kind))

    @property
    def columns(self) -> list[tuple[float, float]]:
        """Left and right end of each column of parts, mm, left to right."""
        return list(pairwise(_column_ends(self.layout)))

    @property
    def shapes(self) -> list[Shape]:
        """Everything that is printed, in its order from below."""
        shapes = list(chain.from_iterable(map(part_shapes, self.parts)))
        return [*shapes, *self.labels]


def paper_name(paper: Paper) -> str:
    """The paper as people write it: ``A3``, ``A4`` or ``Letter``."""
    return paper.capitalize()


def make_sheet(layout: Layout = "wall", paper: Paper = "a3", dpi: int = 600) -> Sheet:
    """Make a chart for a printer of a resolution; it may be too coarse for the finest detail."""
    finest = FINEST * PAPERS[paper][0] / WIDTH
    least = DOTS_PER_DETAIL * 25.4 / finest
    if dpi < least:
        raise InputError(
            f"--dpi {dpi}: the finest detail on {paper_name(paper)} has {finest:.2f} mm and needs "
            f"{least:.0f} dpi"
        )
    inside = _wall() if layout == "wall" else _depths()
    return Sheet(
        layout,
        paper,
        (*frame(layout), *inside),
        tuple(_labels(layout, paper)),
    )


def frame(layout: Layout) -> list[Dot]:
    """The dots around the chart, clockwise from the top left corner."""
    corners = (0, ACROSS - 1, ACROSS + DOWN - 2, 2 * ACROSS + DOWN - 3)
    large = {corners[one] for one in LARGE_CORNERS[layout]}
    dots = []
    for number, (x, y) in enumerate(_ring()):
        radius = LARGE_DOT if number in large else DOT
        dots.append(Dot(x, y, radius))
    return dots


def _ring() -> list[tuple[float, float]]:
    """Places of the dots around the chart, along its four sides."""
    xs = np.linspace(FRAME, WIDTH - FRAME, ACROSS).tolist()
    ys = np.linspace(FRAME, HEIGHT - FRAME, DOWN).tolist()
    left, right = xs[0], xs[-1]
    top, bottom = ys[0], ys[-1]
    return [
        *product(xs, [top]),
        *product([right], ys[1:]),
        *product(xs[-2::-1], [bottom]),
        *product([left], ys[-2:0:-1]),
    ]


def _column_ends(layout: Layout) -> list[float]:
    """Left and right ends of the columns of parts, mm."""
    width = (WIDTH - 2 * INSET) / COLUMNS[layout]
    return [INSET + number * width for number in range(COLUMNS[layout] + 1)]


def _cell(column: int, row: int, layout: Layout) -> tuple[float, float]:
    """Middle of a cell of the area inside the frame."""
    left, right = _column_ends(layout)[column : column + 2]
    row_height = HEIGHT - 2 * INSET
    middle = INSET + (row + 0.5) * row_height / ROWS
    return (left + right) / 2, middle


WALL = (
    ("+5", "-8l", "star", "+8", "-5l", "-5"),
    ("-8", "text", "leaves", "greys", "text", "+8l"),
    ("+8l", "ruler", "", "leaves", "colours", "-5"),
    ("-5", "+5l", "-8", "star", "+5l", "+5"),
)
"""Rows of cells; a square has its turn in degrees, and an l for low contrast."""


def _wall() -> list[Part]:
    random = np.random.default_rng(SEED)
    parts: list[Part] = []
    for row, cells in enumerate(WALL):
        for column, kind in enumerate(cells):
            parts += _part(kind, *_cell(column, row, "wall"), random)
    return parts


def _depths() -> list[Part]:
    random = np.random.default_rng(SEED)
    parts: list[Part] = []
    for column in range(COLUMNS["depths"]):
        for row, kind in enumerate(("+5", "leaves", "-5l", "star")):
            parts += _part(kind, *_cell(column, row, "depths"), random)
    return parts


def _part(
    kind: str,
    x: float,
    y: float,
    random: np.random.Generator,
) -> list[Part]:
    """The parts of one cell."""
    if kind[:1] in {"+", "-"}:
        dark, bright = LOW if kind.endswith("l") else (0.0, 1.0)
        return [SlantedSquare(x, y, SQUARE, float(kind.rstrip("l")), dark, bright)]
    if kind == "star":
        return [StarPattern(x, y, STAR_RADIUS, CYCLES)]
    if kind == "leaves":
        return [LeavesSquare(x, y, LEAVES_SIDE, SEED)]
    if kind == "text":
        return _text(x, y, random)
    if kind == "greys":
        return _patches(_places(x, y, 4, 2, tuple(map(grey, GREYS))))
    if kind == "colours":
        return _patches(_places(x, y, 4, 3, COLOURS))
    if kind == "ruler":
        return [*_lines(x + 15.0, y + 2.0), *_grid(x + 73.0, y + 9.0)]
    return []


def _patches(places: Iterable[tuple[tuple[float, float], Colour]]) -> list[Part]:
    """Patches of one size at places, each with its colour."""
    return [Patch(x, y, 13.0, colour) for (x, y), colour in places]


def _places(x: float, y: float, columns: int, rows: int, what: tuple) -> list:  # type: ignore[type-arg]
    """Places of patches around the middle of a cell."""
    placed = []
    for number, one in enumerate(what):
        row, column = divmod(number, columns)
        right = (column - (columns - 1) / 2) * 14
        down = (row - (rows - 1) / 2) * 14
        placed.append(((x + right, y + down), one))
    return placed


def _text(x: float, y: float, random: np.random.Generator) -> list[Part]:
    lines: list[Part] = []
    base = y - 18.0
    for height in TEXT_HEIGHTS:
        count = int(46.0 / (height * 1.15))
        for _ in range(2):
            base += height * 1.7 + 0.6
            text = "".join(
                LETTERS[i] for i in random.integers(len(LETTERS), size=count)
            )
            lines.append(TextLine(x - 25.0, base, height, text))
    return lines


def _labels(layout: Layout, paper: Paper) -> list[Shape]:
    """Ruler and names."""
    name = f"defocus chart, {paper_name(paper)}, {layout}, seed {SEED}"
    if layout == "depths":
        ruler = _ruler(230.0, HEIGHT - 30.5, paper, label=(216.0, HEIGHT - 30.0))
        return [words(name, 150.0, HEIGHT - 30.0, 2.0), *ruler]
    left, middle = _cell(1, 2, "wall")
    start = left - 27.0
    shapes = _ruler(start, middle - 12.0, paper, label=(start, middle - 7.0))
    return [*shapes, words(name, start, middle + 24.0, 2.0)]


LINE_MM, LINES_APART_MM, LINES_TURN_DEG = 60.0, 4.0, 3.0
LINE_WIDTHS_MM = (0.3, 0.5, 1.0, 2.0)
GRID_MM, GRID_STEP_MM, GRID_LINE_MM = 24.0, 4.0, 0.4


def _lines(x: float, y: float) -> list[Part]:
    """Lines of several widths below each other; the middle of the first is given."""
    lines: list[Part] = []
    for number, width in enumerate(LINE_WIDTHS_MM):
        middle = y + LINES_APART_MM * number
        lines.append(RuledLine("line", x, middle, LINE_MM, width, LINES_TURN_DEG))
    return lines


def _grid(x: float, y: float) -> list[Part]:
    """A grid of thin lines around a place."""
    size = GRID_MM + GRID_LINE_MM, GRID_LINE_MM
    offsets = np.arange(-GRID_MM / 2, GRID_MM / 2 + 0.1, GRID_STEP_MM).tolist()
    lines: list[Part] = []
    lines += [RuledLine("grid", x + off, y, *size, 90.0) for off in offsets]
    lines += [RuledLine("grid", x, y + off, *size, 0.0) for off in offsets]
    return lines


def _ruler(
    start: float,
    base: float,
    paper: Paper,
    label: tuple[float, float],
) -> list[Shape]:
    """A ruler in mm of the paper, with its marks above the base line."""
    unit = WIDTH / PAPERS[paper][0]
    shapes: list[Shape] = [
        box(start + RULER_MM * unit / 2, base, RULER_MM * unit, 0.3, BLACK)
    ]
    for mark in range(RULER_MM + 1):
        tall = 4.0 if mark % 10 == 0 else 2.0
        shapes.append(box(start + mark * unit, base - tall / 2, 0.25, tall, BLACK))
    return [*shapes, words(f"{RULER_MM} mm", *label, 2.5)]
