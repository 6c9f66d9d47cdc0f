"""Tables of the measures' errors on pictures whose MTF is known in closed form."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.edges.edge import measure_edge
from defocus.extras.charts.accuracy.known_edges import (
    KINDS,
    EdgeShot,
    blur_of_mtf50,
    edge_picture,
)
from defocus.extras.charts.accuracy.known_patterns import (
    LEAVES_D,
    STAR_D,
    leaves_errors,
    star_errors,
)
from defocus.extras.charts.accuracy.whole_region import whole_region_mtf

MTF50S = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
ANGLES_DEG = (3.0, 5.0, 8.0, 12.0)
NOISES = (0.0, 0.005, 0.01, 0.02)
BITS = (8, 16)
DRAWS = 4
"""Number of draws of the noise of a star or of dead leaves."""


@dataclass(frozen=True)
class EdgeError:
    """Errors of one picture of an edge, by ours and by the second implementation."""

    mtf50: float  # true MTF50, cycles per pixel
    noise: float
    ours: float  # error of MTF50, relative
    second: float  # error of the second implementation, relative
    place_px: float  # error of the edge's place, px


def edge_errors(*, every: int = 1) -> Iterator[EdgeError]:
    """Measure edges of all kinds, angles, noises and bit depths, or every n-th of them."""
    random = np.random.default_rng(0)
    grid = itertools.product(MTF50S, NOISES, KINDS, ANGLES_DEG, BITS)
    for mtf50, noise, kind, angle, bits in itertools.islice(grid, 0, None, every):
        shot = EdgeShot(angle, noise, bits, place_px=float(random.uniform(95, 105)))
        light = edge_picture(blur_of_mtf50(kind, mtf50, angle), shot, random)
        edge = measure_edge(light)
        other = whole_region_mtf(light)
        yield EdgeError(
            mtf50,
            noise,
            (edge.mtf50 or np.inf) / mtf50 - 1.0,
            (other.crossing(0.5) or np.inf) / mtf50 - 1.0,
            edge.place_px - shot.place_px,
        )


def tables(*, every: int = 1) -> str:
    """The tables of edges, star and leaves, as Markdown."""
    edges = _edge_table(list(edge_errors(every=every)))
    return "\n".join([*edges, "", *_pattern_table()])


def _edge_table(rows: list[EdgeError]) -> list[str]:
    """Rows by MTF50 and noise, by noise, and of all pictures."""
    lines = [
        (
            "| MTF50 | noise | pictures | mean error | 95 % below | bias "
            "| second: mean | 95 % below | bias | place, px |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for mtf50, noise in itertools.product(MTF50S, NOISES):
        alike = [r for r in rows if (r.mtf50, r.noise) == (mtf50, noise)]
        if alike:
            lines.append(_row(f"{mtf50:g}", f"{noise:.1%}", alike))
    for noise in NOISES:
        alike = [r for r in rows if r.noise == noise]
        lines.append(_row("all", f"{noise:.1%}", alike))
    lines.append(_row("all", "all", rows))
    return lines


def _pattern_table() -> list[str]:
    """Rows of stars and of dead leaves by their circle of confusion."""
    noises = " | ".join(map("noise {:.1%}".format, NOISES))
    lines = [
        f"| pattern | circle of confusion | {noises} |",
        "|---|---|---|---|---|---|",
    ]
    for diameter in STAR_D:
        row = _pattern("star", diameter, star_errors)
        lines.append(row)
    for diameter in LEAVES_D:
        row = _pattern("dead leaves", diameter, leaves_errors)
        lines.append(row)
    return lines


def _row(mtf50: str, noise: str, rows: list[EdgeError]) -> str:
    numbers = [(row.ours, row.second, row.place_px) for row in rows]
    ours, second, places_px = np.array(numbers).T
    cells = [mtf50, noise, str(len(rows))]
    for errors in (ours, second):
        sizes = np.abs(errors)
        cells += [f"{sizes.mean():.2%}", f"{np.quantile(sizes, 0.95):.2%}"]
        cells.append(f"{errors.mean():+.2%}")
    place = np.sqrt(np.mean(places_px**2))
    return f"| {' | '.join(cells)} | {place:.3f} |"


def _pattern(
    name: str,
    diameter: float,
    errors: Callable[[float, float, int], NDArray[np.float64]],
) -> str:
    """A row with mean, 95th percentile and largest error of the MTF for each noise."""
    cells = []
    for noise in NOISES:
        draws = DRAWS if noise else 1
        sizes = np.abs([errors(diameter, noise, seed) for seed in range(draws)])
        worst = f"{np.quantile(sizes, 0.95):.3f} / {sizes.max():.3f}"
        cells.append(f"{sizes.mean():.3f} / {worst}")
    return f"| {name} | {diameter:g} px | {' | '.join(cells)} |"
