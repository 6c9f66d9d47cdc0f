"""Effect of a system on a photograph of the chart, at its edges, leaves and text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from defocus.edges.linear_light import grey_of, is_clipped
from defocus.edges.straightness import Straightness, line_deviation
from defocus.errors import ImageError
from defocus.extras.charts.reading.characters import characters_read
from defocus.extras.charts.reading.edges import ReadEdge, edge_regions, read_edges
from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.reading.lines import ReadLine, read_lines
from defocus.extras.charts.reading.patterns import ReadLeaves, read_leaves
from defocus.extras.charts.sheet.layout import WIDTH, Sheet
from defocus.extras.charts.straightness import compare_edges
from defocus.extras.charts.systems.kept import ChartScore

Floats = NDArray[np.float64]


class LightOfParts(Protocol):
    """Linear light of a picture: an array, or an object that computes the light of a part."""

    def __getitem__(self, places: tuple[slice, slice], /) -> Floats:
        """``(h, w, 3)`` of rows and columns."""
        ...


@dataclass(frozen=True)
class ChartField:
    """A part of the chart with one circle of confusion, from left to right in mm."""

    left: float
    right: float

    def __contains__(self, x: float) -> bool:
        return self.left <= x < self.right


WHOLE = ChartField(0.0, WIDTH)


@dataclass(frozen=True)
class ChartView:
    """A photograph that is restored, as far as it is known; empty for a simulated one."""

    picture: str  # its name; empty for a simulated one
    sheet: Sheet
    geometry: ChartGeometry
    field: ChartField
    blur_px: float
    edges: tuple[ReadEdge, ...]
    lines: tuple[ReadLine, ...]
    leaves: tuple[
        ReadLeaves, ...
    ] = ()  # what its dead leaves show; empty for a simulated one


def restored_score(
    system: str,
    view: ChartView,
    restoration: Floats,
    other: LightOfParts,
    levels: tuple[float, float],
) -> ChartScore:
    """Measure a restored photograph by the edges that both pictures show, so the gain is fair."""
    restored = tuple(read_edges(restoration, view.sheet, view.geometry))
    before, (mtf50, overshoot) = shared_medians((view.edges, restored), view.field)
    compared = [*_compared(view, restoration, other)]
    leaves = _leaves_in_field(restoration, view, levels)
    textures = [one.texture for one in leaves if one.texture is not None]
    return ChartScore(
        system,
        view.blur_px,
        mtf50,
        mtf50 / before[0],
        overshoot,
        _median([abs(one.shift_px) for one in compared]),
        _median([one.rms_px for one in compared]),
        _mean([one.lost for one in textures]),
        _mean([one.invention for one in textures]),
        _characters(view, restoration),
        view.picture,
        leaves[0].reason if leaves and not textures else "",
        lines_px=_median([*_lines_moved(view, restoration, levels)]),
    )


def _leaves_in_field(
    restoration: Floats,
    view: ChartView,
    levels: tuple[float, float],
) -> list[ReadLeaves]:
    """The leaves of a restored chart that are read in the field of the view."""
    every = restored_leaves(restoration, view.sheet, view.geometry, levels, view.leaves)
    return [one for one in every if one.x in view.field]


def _mean(values: list[float]) -> float | None:
    """The mean; None without values."""
    return float(np.mean(values)) if values else None


def restored_leaves(
    restoration: Floats,
    sheet: Sheet,
    geometry: ChartGeometry,
    levels: tuple[float, float],
    taken: Sequence[ReadLeaves],
) -> Iterator[ReadLeaves]:
    """Measure restored dead leaves; where the photograph's cannot be measured, say why."""
    refused = {(one.x, one.y): one for one in taken if one.texture is None}
    for one in read_leaves(restoration, sheet, geometry, *levels, restored=True):
        yield refused.get((one.x, one.y), one)


def _compared(
    view: ChartView,
    restoration: Floats,
    other: LightOfParts,
) -> Iterator[Straightness]:
    """Edges against those of the other picture, where that is not clipped."""
    for x, region in edge_regions(restoration, view.sheet, view.geometry):
        if x not in view.field or is_clipped(other[region]):
            continue
        try:
            yield compare_edges(grey_of(restoration[region]), grey_of(other[region]))
        except ImageError:
            continue


def _characters(view: ChartView, restoration: Floats) -> float | None:
    """Share of the characters that are read, where the whole chart is restored."""
    if view.field != WHOLE:
        return None
    return characters_read(restoration, view.sheet, view.geometry).share


def _lines_moved(
    view: ChartView,
    restoration: Floats,
    levels: tuple[float, float],
) -> Iterator[float]:
    """Root mean square, px, by which each printed line is bent against the other picture's."""
    lines = read_lines(restoration, view.sheet, view.geometry, *levels)
    for after, before in zip(lines, view.lines, strict=True):
        if after.x not in view.field or after.reason or before.reason:
            continue
        moved = line_deviation(after.along, after.off_px - before.off_px)
        if moved is not None:
            yield moved.rms_px


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def shared_medians(
    states: Sequence[Sequence[ReadEdge]],
    field: ChartField = WHOLE,
) -> list[tuple[float, float]]:
    """Median MTF50 and overshoot of each state, over the edges measured in all of them."""
    shared = _measured_in_all(states)
    medians = []
    for of_state in zip(*shared, strict=True):
        measured = field_medians(of_state, field)
        if measured is not None:
            medians.append(measured)
    if not medians:
        raise ImageError("no edge of the chart can be measured both before and after")
    return medians


def _measured_in_all(
    states: Sequence[Sequence[ReadEdge]],
) -> Iterator[tuple[ReadEdge, ...]]:
    """The edges that were measured in all states, each in all of them."""
    for edges in zip(*states, strict=True):
        if all(edge.response for edge in edges):
            yield edges


def field_medians(
    edges: Iterable[ReadEdge],
    field: ChartField = WHOLE,
) -> tuple[float, float] | None:
    """Median MTF50, each at most 1 cycle per px, and overshoot of a part's edges, or None."""
    mtf50s = []
    overshoots = []
    for edge in edges:
        response = edge.response
        if response and edge.x in field:
            mtf50s.append(1.0 if response.mtf50 is None else response.mtf50)
            overshoots.append(response.overshoot)
    if not mtf50s:
        return None
    return float(np.median(mtf50s)), float(np.median(overshoots))
