"""What the lines make of one scene, as a strip of crops with their errors beneath."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.evaluation.evaluate import restore_picture
from defocus.benchmark.experiments.dose.pairs import at_dose
from defocus.benchmark.experiments.dose.plan import DoseStudy
from defocus.benchmark.study.plan import Run, Study
from defocus.benchmark.study.running.attempt import load_run
from defocus.benchmark.training.train import best_device
from defocus.datasets.pair import Pair
from defocus.images import as_float, read_image, write_image

__all__ = ["strip_name", "write_strip"]

CROP_PX, SHOWN = 112, 2
"""Side of a crop, and by how much it is enlarged."""
ERROR_SCALE = 6.0
"""By which an error is multiplied to be seen; black is none."""
HEAD_PX, GAP_PX = 26, 6
FONT_SIZE = 0.5

Picture = NDArray[np.float64]


def strip_name(dose_px: float) -> str:
    """Name of a strip's file."""
    return f"strip-{dose_px:g}px.png"


def write_strip(study: DoseStudy, studies: Sequence[Study], scores: Mapping[str, Any]) -> None:
    """Write the strip of one dose into the study's folder.

    It shows the scene at which the first rival (without one, the whole objective) has its median
    gain over the plain loss, and of it the square where the blurry picture is furthest from the
    truth. Networks of the first seed restore it.

    Args:
        study: The study.
        studies: Its studies, of all doses.
        scores: One of ``doses`` of ``dose.json``.
    """
    dose = float(scores["dose_px"])
    dataset = at_dose(study.dataset, dose)
    pairs = dataset.split("test")
    pair = pairs[int(np.argsort(scores["scene_gains"]["over_plain"])[len(pairs) // 2])]
    here = [one for one in studies if one.dataset.content_hash == dataset.content_hash]
    if pair.truth is None:
        raise ValueError(f"pair {pair.id} is not rendered")
    truth, blurry = (_picture(one) for one in (pair.truth, pair.blurry))
    shown = {"blurry input": blurry}
    ablation = study.ablation
    lines = (ablation.lines[0], ablation.lines[-1], *ablation.rivals[:1], ablation.controls[-1])
    for line in lines:
        name = study.systems([line])[0].card.name
        part, run = next((s, run) for s in here for run in s.runs if run.system == name)
        shown[line.label] = _restored(part, run, pair)
    window = _window(np.square(blurry - truth).sum(axis=2))
    columns = [_column(label, one[window], truth[window]) for label, one in shown.items()]
    columns.append(_column("truth", truth[window], None))
    gap = np.full((columns[0].shape[0], GAP_PX, 3), 255, np.uint8)
    joined = [part for column in columns for part in (column, gap)][:-1]
    write_image(study.out / strip_name(dose), np.concatenate(joined, axis=1))


def _picture(path: Path) -> Picture:
    return np.asarray(as_float(read_image(path), np.float64))


def _restored(study: Study, run: Run, pair: Pair) -> Picture:
    device = best_device()
    network = load_run(*study.trained(run)).network.to(device).eval()
    return np.clip(restore_picture(network, run.baseline.card, pair, device)[0], 0.0, 1.0)


def _window(error: NDArray[np.float64]) -> tuple[slice, slice]:
    """The square with the largest error."""
    side = min(CROP_PX, *error.shape)
    sums = cv2.boxFilter(error, -1, (side, side), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    inner = sums[: error.shape[0] - side + 1, : error.shape[1] - side + 1]
    top, left = np.unravel_index(int(np.argmax(inner)), inner.shape)
    return np.s_[int(top) : int(top) + side], np.s_[int(left) : int(left) + side]


def _column(label: str, crop: Picture, truth: Picture | None) -> NDArray[np.uint8]:
    """A head, the crop, and the crop's error (white where it is the truth itself)."""
    error = np.ones_like(crop) if truth is None else ERROR_SCALE * np.abs(crop - truth)
    parts = [_enlarged(one) for one in (crop, np.ones((GAP_PX // SHOWN, crop.shape[1], 3)), error)]
    head = np.full((HEAD_PX, parts[0].shape[1], 3), 255, np.uint8)
    cv2.putText(
        head, label, (2, HEAD_PX - 9), cv2.FONT_HERSHEY_SIMPLEX, FONT_SIZE, (0, 0, 0), 1,
        cv2.LINE_AA,
    )  # fmt: skip
    return np.concatenate([head, *parts])


def _enlarged(crop: Picture) -> NDArray[np.uint8]:
    levels = np.rint(np.clip(crop, 0.0, 1.0) * 255).astype(np.uint8)
    return levels.repeat(SHOWN, axis=0).repeat(SHOWN, axis=1)
