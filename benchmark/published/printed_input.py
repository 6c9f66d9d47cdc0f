"""Printed rows of the blurry input, and which conventions reproduce one from given errors."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.published.conventions import ABSOLUTES, HYPOTHESES, SQUARES
from defocus.benchmark.published.numbers import all_published, select_published
from defocus.benchmark.scoring.profiles import Profile
from defocus.errors import InputError
from defocus.near_names import meant

Array = NDArray[np.float64]

DECIDING = ("psnr", "ssim", "mae")
"""The metrics by which the conventions are found."""

TOLERANCES = {"psnr": 0.01, "ssim": 0.001, "mae": 0.001}
"""Largest difference that counts as reproduced: dB for PSNR. Papers print two or three decimals."""

SLACK = 0.1
"""Two conventions fit equally if their errors differ by less than this share of the tolerance; the
more usual one is taken."""

OWN = "own"
"""Name after ``printed:`` of a row that the user gave."""

_ROUNDING = 1e-9
"""Tolerance that is added to half a printed digit, for values that are exactly half a digit
away."""


@dataclass(frozen=True)
class PrintedCell:
    """One printed number; ``digit`` is the unit of its last digit."""

    metric: str
    value: float
    digit: float


@dataclass(frozen=True)
class PrintedRow:
    """The printed row of the input on a data set; ``id`` is its name after ``printed:``."""

    id: str
    source: str
    dataset: str
    cells: tuple[PrintedCell, ...]


def printed_rows(dataset: str) -> list[PrintedRow]:
    """The printed rows of the blurry input on a data set, by source; with PSNR, SSIM or MAE."""
    by_source: dict[str, list[PrintedCell]] = defaultdict(list)
    known = dataset in {cell.dataset for cell in all_published()}
    for cell in select_published("input", dataset) if known else ():
        decimals = len(cell.value.partition(".")[2])
        digit = cell.scale * 10.0**-decimals
        printed = PrintedCell(cell.metric, cell.true_value, digit)
        by_source[cell.source].append(printed)
    if not by_source:
        raise InputError(_not_printed(dataset))
    rows = []
    for source, cells in by_source.items():
        metrics = {cell.metric for cell in cells}
        if not metrics.isdisjoint(DECIDING):
            name = f"{_short(source)}-{dataset}"
            rows.append(PrintedRow(name, source, dataset, tuple(cells)))
    return rows


def _not_printed(dataset: str) -> str:
    """Why a data set has no printed row of the blurry input."""
    names = sorted({cell.dataset for cell in all_published() if cell.system == "input"})
    own = "give a row of your own, such as --like psnr=23.89,ssim=0.725"
    if dataset in {cell.dataset for cell in all_published()}:
        only = ", ".join(names)
        return (
            f"no source prints the blurry input of '{dataset}', only of {only}; {own}"
        )
    return f"no table has the dataset '{dataset}'; {meant(dataset, names)}; {own}"


def _short(source: str) -> str:
    """A short name of a source, such as ``ifan-poster``."""
    title = re.split(r"[(,]", source)[0]
    words = title.rsplit("/", 1)[-1]
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def own_row(text: str) -> PrintedRow:
    """The row that a user gave as ``psnr=23.89,ssim=0.725``, with the digits as written."""
    cells = [_own_cell(part.strip(), text) for part in text.split(",")]
    metrics = {cell.metric for cell in cells}
    if len(metrics) != len(cells):
        raise InputError(f"--like {text}: a metric is given twice; give each once")
    if metrics.isdisjoint(DECIDING):
        raise InputError(f"--like {text}: give at least one of {', '.join(DECIDING)}")
    return PrintedRow(OWN, f"--like {text}", OWN, tuple(cells))


def _own_cell(part: str, text: str) -> PrintedCell:
    from defocus.benchmark.metrics.metric import find_metric

    name, equals, number = part.partition("=")
    digits = number.strip()
    if not equals or not re.fullmatch(r"\d+(\.\d+)?", digits):
        raise InputError(
            f"--like {text}: {part!r} is not METRIC=NUMBER, such as psnr=23.89"
        )
    metric = find_metric(name.strip())
    decimals = len(digits.partition(".")[2])
    return PrintedCell(metric.name, float(digits), 10.0**-decimals)


@dataclass(frozen=True)
class Explanation:
    """The conventions and the subset whose values are nearest to a printed row."""

    # ``values`` are ours, by metric. ``misfit`` is the largest difference in tolerances, 0 where
    # all digits are equal. ``equals`` counts other conventions that fit as well.

    row: PrintedRow
    subset: str
    pictures: tuple[int, ...]
    profile: Profile
    values: Mapping[str, float]
    misfit: float
    equals: int

    @property
    def reproduced(self) -> bool:
        """Whether each deciding value is within its tolerance."""
        return self.misfit <= 1

    @property
    def exact(self) -> bool:
        """Whether all printed digits of the deciding values are equal."""
        return self.misfit == 0


def explain(
    row: PrintedRow,
    errors: Array,
    subsets: Mapping[str, Sequence[int]],
) -> Explanation | None:
    """The most usual conventions and the first subset that fit a row best; None if none can."""
    # ``errors`` is ``(pictures, READINGS, ERRORS)``, NaN where a reading was not tried yet; a
    # subset lists pictures.
    best: tuple[float, Explanation] | None = None
    for name, pictures in subsets.items():
        values = _values(errors[list(pictures)])
        misfits = _misfits(row, values)
        least = float(misfits.min())
        if not math.isfinite(least) or (best is not None and least >= best[0] - SLACK):
            continue
        fitting = np.flatnonzero(misfits <= least + SLACK)
        chosen = int(fitting[0])
        explanation = Explanation(
            row,
            name,
            tuple(pictures),
            HYPOTHESES[chosen].profile,
            {metric: float(values[metric][chosen]) for metric in DECIDING},
            float(misfits[chosen]),
            _number_apart(values, fitting) - 1,
        )
        best = least, explanation
    return None if best is None else best[1]


def _values(errors: Array) -> dict[str, Array]:
    """Each deciding metric over some pictures, one value for each hypothesis."""
    squares = errors[:, :, SQUARES]
    with np.errstate(divide="ignore"):
        levels = -10 * np.log10(squares)
        mean_level = {
            "pictures": levels.mean(axis=0),
            "errors": -10 * np.log10(squares.mean(axis=0)),
        }
    means = errors.mean(axis=0)
    psnr, ssim, mae = [], [], []
    for one in HYPOTHESES:
        psnr.append(mean_level[one.profile.mean][one.reading])
        ssim.append(means[one.reading, one.similarity])
        mae.append(means[one.reading, ABSOLUTES])
    return {"psnr": np.array(psnr), "ssim": np.array(ssim), "mae": np.array(mae)}


def _misfits(row: PrintedRow, values: Mapping[str, Array]) -> Array:
    """For each hypothesis the largest difference in tolerances; 0 where all digits are equal."""
    misfits = np.zeros(len(HYPOTHESES))
    for cell in row.cells:
        if cell.metric not in DECIDING:
            continue
        difference = np.abs(values[cell.metric] - cell.value)
        half_digit = cell.digit / 2
        equal = difference <= half_digit + _ROUNDING
        tolerances = difference / TOLERANCES[cell.metric]
        misfit = np.where(equal, 0.0, tolerances)
        misfits = np.maximum(misfits, misfit)
    return np.where(np.isfinite(misfits), misfits, np.inf)


def _number_apart(values: Mapping[str, Array], fitting: NDArray[np.intp]) -> int:
    """How many of the fitting hypotheses have different values."""
    columns = [values[metric][fitting] for metric in DECIDING]
    rows = np.stack(columns, axis=1).round(9)
    return len(np.unique(rows, axis=0))
