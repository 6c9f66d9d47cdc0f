"""Photographs of the chart, as taken and restored: the MTF before and after deblurring."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.reading.edges import ReadEdge, read_edges
from defocus.extras.charts.reading.levels import paper_and_ink
from defocus.extras.charts.reading.patterns import ReadLeaves
from defocus.extras.charts.systems.restorers import Restore
from defocus.extras.charts.systems.scores import restored_leaves, shared_medians
from defocus.pictures.values import linear_to_srgb, srgb_to_linear
from defocus.progress import track


@dataclass(frozen=True)
class ChartMtf:
    """One photograph in one state; MTF50 beyond 1 cycle per px counts as 1."""

    picture: str
    blur_px: float  # its circle of confusion, px
    state: str
    mtf50: float | None  # median of shared edges, cycles per px; None without one
    overshoot: float | None
    invented: float | None  # share of the texture's power; None where it is unknown
    reason: str = ""  # why they cannot; empty if they can
    edges_reason: str = ""  # why no edge is compared; empty if one is


def chart_mtf(
    pictures: Sequence[Path],
    shots: Sequence[ChartShot],
    restores: Mapping[str, Restore],
) -> Iterator[ChartMtf]:
    """Measure photographs as taken and as restored, at the edges that all states show."""
    pairs = list(zip(pictures, shots, strict=True))
    names = ("as taken", *restores)
    for picture, shot in track(pairs, "restoring charts"):
        stored = np.asarray(linear_to_srgb(shot.light), np.float32)
        states = [_state(shot, stored)]
        for restore in restores.values():
            restored = restore(stored)
            states.append(_state(shot, restored))
        medians, why = _medians([edges for edges, _ in states])
        for name, (_, leaves), (mtf50, overshoot) in zip(
            names,
            states,
            medians,
            strict=True,
        ):
            invention, leaves_why = _invention(leaves)
            yield ChartMtf(
                picture.name,
                shot.blur_px,
                name,
                mtf50,
                overshoot,
                invention,
                leaves_why,
                why,
            )


def _medians(
    states: Sequence[Sequence[ReadEdge]],
) -> tuple[Sequence[tuple[float, float] | tuple[None, None]], str]:
    """MTF50 and overshoot of each state at the edges that all show, or why there are none."""
    try:
        return shared_medians(states), ""
    except ImageError as error:
        return [(None, None)] * len(states), str(error)


def _invention(leaves: Sequence[ReadLeaves]) -> tuple[float | None, str]:
    """Mean share of texture that is invented, or why that was not measured."""
    inventions = [one.texture.invention for one in leaves if one.texture]
    if inventions:
        return float(np.mean(inventions)), ""
    return None, leaves[0].reason if leaves else ""


def _state(
    shot: ChartShot,
    stored: NDArray[np.float32],
) -> tuple[tuple[ReadEdge, ...], tuple[ReadLeaves, ...]]:
    """Edges and leaves of a photograph in one state."""
    light = np.asarray(srgb_to_linear(np.clip(stored, 0, 1)), np.float64)
    sheet = shot.reading.sheet
    geometry = shot.reading.geometry
    levels = paper_and_ink(light, sheet, geometry)
    leaves = restored_leaves(light, sheet, geometry, levels, shot.reading.leaves)
    return tuple(read_edges(light, sheet, geometry)), tuple(leaves)
