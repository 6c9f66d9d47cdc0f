"""Measures of restored pictures: moved edges, bent lines, and the deformed target's two grids.

They are kept in the run's folder, so that a finished study measures no output again."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, TypeAdapter
from torch import nn

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.evaluation.restore import restore_picture
from defocus.benchmark.evaluation.versions import ESTIMATOR, evaluation_version
from defocus.benchmark.metrics.psnr import decibels
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.protocols import deformed_target
from defocus.benchmark.study.attempt import load_run
from defocus.benchmark.study.plan import Run, Study
from defocus.datasets.pair import Pair
from defocus.extras.studies.dose.outputs.straight_lines import (
    StraightLine,
    line_bend_px,
    straight_lines,
)
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float
from defocus.progress import say
from defocus.reading import parse_json, read_text
from defocus.storage.files import make_folder, sha256_file, write_json
from defocus.training.devices import best_device
from defocus.training.record.folder import CHECKPOINT

OFFICIAL_GRID = "deformed-gt, official grid"
EDGES = "edge_px"
LINES = "line_px"
EDGE_SHARE = 0.1
"""Share of the pixels, those of the steepest luma, that count as edges."""

BORDER_PX = 8

KEPT = "outputs.json"
"""File in the run's folder with these measures, and what they were measured from."""

REVISION = 1
"""Revision of the measures, raised by hand whenever the same pictures get other numbers."""

Picture = NDArray[np.float64]


@dataclass(frozen=True)
class _Kept:
    """Content of :data:`KEPT`."""

    revision: int  # :data:`REVISION`
    evaluation: str  # :func:`~defocus.benchmark.evaluation.versions.evaluation_version`
    data_hash: str  # hash of the dataset that was restored
    checkpoint: str  # SHA-256 hash of the network's checkpoint; empty without one
    # by name, one number per test pair; None for a scene without a straight line
    scores: dict[str, list[Annotated[float, Field(allow_inf_nan=False)] | None]]


def restored_scores(study: Study, run: Run) -> dict[str, list[float]]:
    """Scores of the test pictures of a run, measured once and kept in its folder.

    PSNR by :data:`OFFICIAL_GRID`, dB, ``edge_px``, ``line_px`` (NaN: the truth has no line)."""
    path = make_folder(run_folder(study.out, run.id)) / KEPT
    data = study.dataset.content_hash
    checkpoint = _checkpoint_hash(study, run)
    blank = _Kept(REVISION, evaluation_version(), data, checkpoint, {})
    kept = _read(path, blank, len(study.dataset.split("test")))
    if kept is None:
        kept = _measured(study, run)
        rows = {name: none_for_nan(values) for name, values in kept.items()}
        write_json(path, asdict(blank) | {"scores": rows})
    return kept


def none_for_nan(values: ArrayLike) -> list[float | None]:
    """Numbers as JSON has them, None in place of NaN."""
    numbers = np.asarray(values, np.float64).tolist()
    return [None if math.isnan(one) else one for one in numbers]


def nan_for_none(values: Iterable[float | None]) -> list[float]:
    """Numbers of JSON for a computation, NaN in place of None."""
    numbers: list[float] = np.array(list(values), np.float64).tolist()
    return numbers


def _checkpoint_hash(study: Study, run: Run) -> str:
    if run.recipe is None:
        return ""
    home, trained = study.trained(run)
    return sha256_file(run_folder(home.out, trained.id) / CHECKPOINT)


def _read(path: Path, blank: _Kept, scenes: int) -> dict[str, list[float]] | None:
    """The kept scores if they are of the same pictures; None if not, or if the file is damaged."""
    try:
        content = read_text(path)
        parse_json(content)  # refuses what JSON does not have
        kept = TypeAdapter(_Kept).validate_json(content, strict=True)
    except FileNotFoundError:
        return None
    except ValueError:  # a FileError is one
        say(f"{path}: damaged; its pictures are measured again")
        return None
    if replace(kept, scores={}) != blank:
        return None
    whole = {name: len(values) for name, values in kept.scores.items()}
    if whole != dict.fromkeys((OFFICIAL_GRID, EDGES, LINES), scenes):
        return None
    if None in kept.scores[OFFICIAL_GRID] or None in kept.scores[EDGES]:
        return None
    return {name: nan_for_none(values) for name, values in kept.scores.items()}


def _measured(study: Study, run: Run) -> dict[str, list[float]]:
    estimator = flow_estimator(ESTIMATOR)
    device = best_device()
    trained = load_run(*study.trained(run)) if run.recipe else load_run(study, run)
    network = trained.network.to(device).eval()
    measures: dict[str, list[float]] = {
        OFFICIAL_GRID: [],
        EDGES: [],
        LINES: [],
    }
    for pair in study.dataset.split("test"):
        _measure_pair(run, pair, network, device, estimator, measures)
    return measures


def _measure_pair(
    run: Run,
    pair: Pair,
    network: nn.Module,
    device: torch.device,
    estimator: FlowEstimator,
    measures: dict[str, list[float]],
) -> None:
    """Restore a pair and add what it measures."""
    if pair.truth is None or pair.sharp is None:
        raise ValueError(f"pair {pair.id} is not rendered")
    restoration = restore_picture(network, run.baseline.card, pair, device)
    restored = np.clip(restoration.picture, 0, 1)
    sharp = _read_picture(pair.sharp, pair.white)
    truth = _read_picture(pair.truth, pair.white)
    target = deformed_target(sharp, restored, estimator, "official")
    square = float(np.square(restored - target.reference).mean())
    lines = straight_lines(truth)
    measures[OFFICIAL_GRID].append(decibels(square, DEFAULT))
    measures[EDGES].append(edge_displacement_px(restored, truth, estimator))
    measures[LINES].append(mean_bend_px(restored, lines))


def _read_picture(path: Path, white: int | None) -> Picture:
    """A picture with values in [0, 1]."""
    stored = read_image(path, white)
    return np.asarray(as_float(stored, np.float64))


def mean_bend_px(restored: Picture, lines: Sequence[StraightLine]) -> float:
    """Mean bend of a scene's lines, px; NaN without a line, or where none of them is seen."""
    bends_px = np.array([line_bend_px(restored, line) for line in lines])
    seen = bends_px[np.isfinite(bends_px)]
    return float(seen.mean()) if len(seen) else np.nan


def edge_displacement_px(
    restored: Picture,
    truth: Picture,
    estimator: FlowEstimator,
) -> float:
    """Mean length of the flow from the truth to a restored picture at the truth's edges, px."""
    flow = estimator(_frame(truth), _frame(restored))[0].cpu().numpy()
    down, across = np.gradient(truth.mean(axis=2))
    inner = np.s_[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    steep = np.hypot(down, across)[inner]
    edges = steep >= np.quantile(steep, 1 - EDGE_SHARE)
    lengths = np.hypot(*flow)[inner]
    return float(lengths[edges].mean())


def _frame(picture: Picture) -> torch.Tensor:
    """A picture ``(H, W, 3)`` as ``(1, 3, H, W)``."""
    channels_first = picture.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(channels_first, np.float32))[None]
