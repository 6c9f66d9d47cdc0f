"""Measures of restored pictures: moved edges, bent lines, and the deformed target's two grids."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.evaluation.evaluate import restore_picture
from defocus.benchmark.evaluation.versions import ESTIMATOR
from defocus.benchmark.experiments.dose.outputs.straight_lines import (
    StraightLine,
    line_bend_px,
    straight_lines,
)
from defocus.benchmark.metrics.psnr import decibels
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.protocols import deformed_target
from defocus.benchmark.study.plan import Run, Study
from defocus.benchmark.study.running.attempt import load_run
from defocus.benchmark.training.train import best_device
from defocus.images import as_float, read_image

__all__ = [
    "EDGES",
    "LINES",
    "OFFICIAL_GRID",
    "edge_displacement_px",
    "mean_bend_px",
    "restored_scores",
]

OFFICIAL_GRID = "deformed-gt, official grid"
EDGES = "edge_px"
LINES = "line_px"
EDGE_SHARE = 0.1
"""Share of the pixels, those of the steepest luma, that count as edges."""

BORDER_PX = 8

Picture = NDArray[np.float64]


def restored_scores(study: Study, run: Run) -> dict[str, list[float]]:
    """Scores of the test pictures of a run, in the order of the pairs.

    Returns:
        PSNR under :data:`OFFICIAL_GRID`, dB, the displacement of edges, ``edge_px``, and the bend
        of lines, ``line_px``, which is NaN where the truth has no straight line.
    """
    estimator, device = flow_estimator(ESTIMATOR), best_device()
    trained = load_run(*study.trained(run)) if run.recipe else load_run(study, run)
    network = trained.network.to(device).eval()
    found: dict[str, list[float]] = {OFFICIAL_GRID: [], EDGES: [], LINES: []}
    for pair in study.dataset.split("test"):
        if pair.truth is None or pair.sharp is None:
            raise ValueError(f"pair {pair.id} is not rendered")
        restored = np.clip(restore_picture(network, run.baseline.card, pair, device)[0], 0, 1)
        sharp, truth = (as_float(read_image(one), np.float64) for one in (pair.sharp, pair.truth))
        target = deformed_target(np.asarray(sharp), restored, estimator, "official")
        square = float(np.square(restored - target.reference).mean())
        found[OFFICIAL_GRID].append(decibels(square, DEFAULT))
        found[EDGES].append(edge_displacement_px(restored, np.asarray(truth), estimator))
        found[LINES].append(mean_bend_px(restored, straight_lines(np.asarray(truth))))
    return found


def mean_bend_px(restored: Picture, lines: Sequence[StraightLine]) -> float:
    """Mean bend of a scene's lines, px; NaN without a line, or where none of them is seen.

    Args:
        restored: ``(H, W, 3)`` in [0, 1].
        lines: The straight lines of the truth.
    """
    bends = [bend for line in lines if np.isfinite(bend := line_bend_px(restored, line))]
    return float(np.mean(bends)) if bends else np.nan


def edge_displacement_px(restored: Picture, truth: Picture, estimator: FlowEstimator) -> float:
    """Mean length of the flow from the truth to a restored picture at the truth's edges, px.

    Args:
        restored: ``(H, W, 3)`` in [0, 1].
        truth: Same shape.
        estimator: Measures the flow.
    """
    frames = [
        torch.from_numpy(np.ascontiguousarray(one.transpose(2, 0, 1), np.float32))[None]
        for one in (truth, restored)
    ]
    flow = estimator(frames[0], frames[1])[0].cpu().numpy()
    down, across = np.gradient(truth.mean(axis=2))
    inner = np.s_[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    steep = np.hypot(down, across)[inner]
    edges = steep >= np.quantile(steep, 1 - EDGE_SHARE)
    return float(np.hypot(*flow)[inner][edges].mean())
