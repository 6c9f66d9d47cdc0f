"""Photographs of the chart, as taken and restored: what a lens is after deblurring."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from defocus.benchmark.charts.restorers import Restore
from defocus.benchmark.charts.scores import edge_medians, restored_leaves
from defocus.charts.lens.probes import ChartShot
from defocus.charts.reading.levels import paper_and_ink
from defocus.images import linear_to_srgb, srgb_to_linear
from defocus.progress import track

__all__ = ["ChartSharpness", "chart_sharpness"]


@dataclass(frozen=True)
class ChartSharpness:
    """One photograph in one state.

    Attributes:
        picture: Name of its file.
        blur_px: Its circle of confusion, px.
        state: ``as taken``, or which weights restored it.
        mtf50: Median of its edges, cycles per px.
        overshoot: Median of its edges, over the step.
        invented: Share of the texture's power that the printed leaves do not explain; None where
            they cannot be measured.
        reason: Why they cannot; empty if they can.
    """

    picture: str
    blur_px: float
    state: str
    mtf50: float
    overshoot: float
    invented: float | None
    reason: str = ""


def chart_sharpness(
    pictures: Sequence[Path], shots: Sequence[ChartShot], restores: Mapping[str, Restore]
) -> Iterator[ChartSharpness]:
    """Measure each photograph as it was taken and as restored.

    Args:
        pictures: The files, for their names.
        shots: What was read in them.
        restores: Restorers by state.

    Raises:
        ImageError: No edge of a restored chart can be measured.
    """
    pairs = list(zip(pictures, shots, strict=True))
    for picture, shot in track(pairs, "restoring charts"):
        stored = np.asarray(linear_to_srgb(shot.light), np.float32)
        for state, restore in {"as taken": lambda one: one, **restores}.items():
            light = np.asarray(srgb_to_linear(np.clip(restore(stored), 0, 1)), np.float64)
            sheet, geometry = shot.reading.sheet, shot.reading.geometry
            levels = paper_and_ink(light, sheet, geometry)
            leaves = [*restored_leaves(light, sheet, geometry, levels, shot.reading.leaves)]
            found = [one.texture.invention for one in leaves if one.texture]
            yield ChartSharpness(
                picture.name, shot.blur_px, state, *edge_medians(light, sheet, geometry),
                float(np.mean(found)) if found else None,
                "" if found else next((one.reason for one in leaves), ""),
            )  # fmt: skip
