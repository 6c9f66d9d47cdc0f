"""Results of the lines for one scene, as a strip of crops with their errors beneath."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.evaluation.restore import restore_picture
from defocus.benchmark.study.attempt import load_run
from defocus.benchmark.study.plan import Run, Study, runs_of
from defocus.datasets.pair import Pair
from defocus.extras.studies.ablation.ablation import AblationLine
from defocus.extras.studies.dose.outputs.layout import (
    CROP_PX,
    GAP_PX,
    HEAD_PX,
    SHOWN,
    error_picture,
    error_scale,
    joined,
    strip_name,
)
from defocus.extras.studies.dose.outputs.measures import (
    LINES,
    none_for_nan,
    restored_scores,
)
from defocus.extras.studies.dose.outputs.straight_lines import (
    StraightLine,
    line_bend_px,
    straight_lines,
)
from defocus.extras.studies.dose.outputs.ticks import with_ticks
from defocus.extras.studies.dose.pairs import at_dose
from defocus.extras.studies.dose.plan import DoseStudy
from defocus.pictures import PICTURE_FORMAT
from defocus.pictures.read import read_image
from defocus.pictures.values import FULL, as_float
from defocus.reports.pictures import encode_tiles
from defocus.storage.files import write_bytes_if_changed
from defocus.training.devices import best_device

FONT_SIZE = 0.5

Picture = NDArray[np.float64]
Levels = NDArray[np.uint8]


def write_strip(
    study: DoseStudy,
    studies: Sequence[Study],
    scores: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the strip of one dose into the study's folder; return its contents as JSON values.

    Its scenes have the median gain of the first rival, and the median bend by the plain loss."""
    dose_px = float(scores["dose_px"])
    dataset = at_dose(study.dataset, dose_px)
    pairs = dataset.split("test")
    here = [one for one in studies if one.dataset.content_hash == dataset.content_hash]
    pair = pairs[_median_scene(scores["scene_gains"]["over_plain"])]
    errors = _error_row(_outputs(study, here, pair))
    rows = [errors.columns]
    facts: dict[str, Any] = {**errors.facts(pair), "lines": None}
    bends = _bends_beyond_input(study, here)
    if any(one is not None for one in bends):
        pair = pairs[_median_scene(bends)]
        line = _line_row(_outputs(study, here, pair))
        rows.append(line.columns)
        facts["lines"] = line.facts(pair)
    strip = encode_tiles([joined(rows)], kind=PICTURE_FORMAT)[0][0]
    write_bytes_if_changed(study.out / strip_name(dose_px), strip)
    return facts


@dataclass(frozen=True)
class _ErrorRow:
    """Crops of a scene with heads and errors, and where they were cut."""

    columns: list[Levels]
    labels: list[str]
    left: int
    top: int
    scale: int  # factor by which errors are enlarged

    def facts(self, pair: Pair) -> dict[str, Any]:
        """What the row shows, as JSON values."""
        return {
            "labels": self.labels,
            "scene": pair.id,
            "left": self.left,
            "top": self.top,
            "error_scale": self.scale,
        }


def _error_row(shown: Mapping[str, Picture]) -> _ErrorRow:
    """Crops where the input differs most from the truth."""
    error = np.square(shown["blurry input"] - shown["truth"])
    rows, columns = _window(error.sum(axis=2))
    crops = {label: _levels(one[rows, columns]) for label, one in shown.items()}
    truth = crops["truth"]
    scale = error_scale(crops["blurry input"], truth)
    cells = [_column(label, crop, truth, scale) for label, crop in crops.items()]
    return _ErrorRow(cells, list(shown), columns.start, rows.start, scale)


def _median_scene(values: Sequence[float | None]) -> int:
    """Place of the median; scenes without a value do not count."""
    places = [place for place, one in enumerate(values) if one is not None]
    ordered = sorted(places, key=lambda place: values[place] or 0.0)
    middle = len(ordered) // 2
    return ordered[middle]


def _bends_beyond_input(study: DoseStudy, here: Sequence[Study]) -> list[float | None]:
    """The plain loss's bend of lines less the blurry input's by test scene, px, mean over seeds.

    A line that is faint in the blurry picture itself has a bend there too, which shows nothing."""
    plain = _bends(study, here, study.ablation.lines[0])
    before = _bends(study, here, study.blurry())
    return none_for_nan(plain - before)


def _bends(
    study: DoseStudy,
    here: Sequence[Study],
    line: AblationLine,
) -> NDArray[np.float64]:
    name = study.systems([line])[0].card.name
    runs = _runs_of_system(here, name)
    bends = [restored_scores(part, run)[LINES] for part, run in runs]
    return np.asarray(np.mean(bends, axis=0))


def _runs_of_system(here: Sequence[Study], name: str) -> list[tuple[Study, Run]]:
    return [(part, run) for part, run in runs_of(here) if run.system == name]


def shown_lines(study: DoseStudy) -> tuple[AblationLine, ...]:
    """Plain loss, whole objective, the first trained rival, and the control on true pairs."""
    plain, *_, whole = study.ablation.lines
    return (plain, whole, *study.rivals()[:1], study.ablation.controls[-1])


def _outputs(study: DoseStudy, here: Sequence[Study], pair: Pair) -> dict[str, Picture]:
    """Results of the lines for a pair, between its blurry picture and its truth."""
    if pair.truth is None:
        raise ValueError(f"pair {pair.id} is not rendered")
    shown = {"blurry input": _picture(pair.blurry)}
    for line in shown_lines(study):
        name = study.systems([line])[0].card.name
        part, run = _runs_of_system(here, name)[0]
        shown[line.label] = _restored(part, run, pair)
    return {**shown, "truth": _picture(pair.truth)}


@dataclass(frozen=True)
class _LineRow:
    """Crops of a line with heads, its ends, and how far each bends it; None where unseen."""

    columns: list[Levels]
    ends_px: list[tuple[float, float]]
    bends_px: list[float | None]

    def facts(self, pair: Pair) -> dict[str, Any]:
        """What the row shows, as JSON values."""
        return {
            "scene": pair.id,
            "ends_px": self.ends_px,
            "bends_px": self.bends_px,
        }


def _line_row(shown: Mapping[str, Picture]) -> _LineRow:
    """The longest line that all pictures of a scene show, with its bend; else the longest."""
    truth = shown["truth"]
    every = straight_lines(truth)
    line = next((one for one in every if _seen_in_all(shown, one)), every[0])
    middle = np.add(line.start, line.stop) / 2
    window = _around(middle, truth.shape[:2])
    rows, across = window
    corner = np.array([across.start, rows.start])
    ends = np.subtract(line.start, corner), np.subtract(line.stop, corner)
    bends = [line_bend_px(one, line) for one in shown.values()]
    columns = _columns(shown, bends, window, ends)
    return _LineRow(columns, [line.start, line.stop], none_for_nan(bends))


def _columns(
    shown: Mapping[str, Picture],
    bends: list[float],
    window: tuple[slice, slice],
    ends: tuple[Any, Any],
) -> list[NDArray[np.uint8]]:
    """A column for each picture: the line with its ticks, and its bend above."""
    columns = []
    for one, bend in zip(shown.values(), bends, strict=True):
        crop = with_ticks(_levels(one[window]), *ends)
        head = _head(_told(bend), crop)
        columns.append(np.concatenate([head, _enlarged(crop)]))
    return columns


def _seen_in_all(shown: Mapping[str, Picture], line: StraightLine) -> bool:
    return all(np.isfinite(line_bend_px(one, line)) for one in shown.values())


def _told(bend_px: float) -> str:
    return f"bend {bend_px:.2f} px" if np.isfinite(bend_px) else "line is not seen"


def _around(middle: NDArray[np.float64], size: tuple[int, int]) -> tuple[slice, slice]:
    """A square around ``(x, y)``, moved into the picture."""
    x, y = middle
    height, width = size
    side = min(CROP_PX, height, width)
    half = side // 2
    top = int(np.clip(round(y) - half, 0, height - side))
    left = int(np.clip(round(x) - half, 0, width - side))
    return slice(top, top + side), slice(left, left + side)


def _picture(path: Path) -> Picture:
    return np.asarray(as_float(read_image(path, FULL), np.float64))


def _restored(study: Study, run: Run, pair: Pair) -> Picture:
    device = best_device()
    network = load_run(*study.trained(run)).network.to(device).eval()
    restoration = restore_picture(network, run.baseline.card, pair, device)
    return np.clip(restoration.picture, 0.0, 1.0)


def _window(error: NDArray[np.float64]) -> tuple[slice, slice]:
    """The square with the largest error."""
    height, width = error.shape
    side = min(CROP_PX, height, width)
    border = cv2.BORDER_CONSTANT
    sums = cv2.boxFilter(error, -1, (side, side), anchor=(0, 0), borderType=border)
    inner = sums[: height - side + 1, : width - side + 1]
    top, left = divmod(int(np.argmax(inner)), inner.shape[1])
    return slice(top, top + side), slice(left, left + side)


def _column(
    label: str,
    crop: Levels,
    truth: Levels,
    scale: int,
) -> Levels:
    """A head, the crop, and the crop's error (white where it is the truth itself)."""
    white = np.full_like(crop, 255)
    error = white if label == "truth" else error_picture(crop, truth, scale)
    gap = white[: GAP_PX // SHOWN]
    below = map(_enlarged, (crop, gap, error))
    return np.concatenate([_head(label, crop), *below])


def _head(text: str, crop: Levels) -> Levels:
    """A line of text as wide as a crop."""
    head = np.full((HEAD_PX, crop.shape[1] * SHOWN, 3), 255, np.uint8)
    cv2.putText(
        head,
        text,
        (2, HEAD_PX - 9),
        cv2.FONT_HERSHEY_SIMPLEX,
        FONT_SIZE,
        (0, 0, 0),
        1,
        cv2.LINE_AA,
    )
    return head


def _levels(crop: Picture) -> Levels:
    return np.rint(np.clip(crop, 0.0, 1.0) * 255).astype(np.uint8)


def _enlarged(crop: Levels) -> Levels:
    return crop.repeat(SHOWN, axis=0).repeat(SHOWN, axis=1)
