"""Find how a printed row of the blurry input was computed, from the pictures themselves."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.external_results.matching import (
    folder_subjects,
    match,
    match_file,
    size_words,
)
from defocus.benchmark.metrics.metric import MetricUnavailableError, all_metrics
from defocus.benchmark.metrics.ssim import WINDOW_PX
from defocus.benchmark.published.conventions import (
    ERRORS,
    READINGS,
    UNUSUAL,
    USUAL,
    errors_of,
)
from defocus.benchmark.published.numbers import note_number
from defocus.benchmark.published.printed_input import (
    DECIDING,
    TOLERANCES,
    Explanation,
    PrintedRow,
    explain,
)
from defocus.benchmark.scoring.profile_by_name import (
    PRINTED,
    keep_printed_profile,
    printed_profile,
)
from defocus.benchmark.scoring.profiles import (
    Profile,
    as_reference,
    as_restored,
    conventions_of,
    cropped,
    prepared,
    resized,
)
from defocus.cluster.dispatcher import each
from defocus.datasets.api import open_dataset
from defocus.datasets.layouts.matching import Rule
from defocus.datasets.pair import Pair, Split
from defocus.errors import ImageError, InputError
from defocus.pictures.read import read_pair
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.progress import counted, track
from defocus.reading import Json
from defocus.reports.display import shown_difference
from defocus.reports.model import Cell, Column, Table

ALTERNATIVES = {"lpips": ("lpips", "lpips_vgg")}
"""Metrics of ours that a printed metric can be: papers do not name the backbone of LPIPS."""

_SPLITS: tuple[Split, ...] = ("test", "validation", "train")
"""The order in which splits are tried; the next only if no row is reproduced."""


@dataclass(frozen=True)
class InputPair:
    """A blurry and a sharp file, and the subsets that they belong to."""

    name: str
    blurry: Path
    sharp: Path
    subsets: tuple[str, ...]
    white: int | None = None  # of a dataset that knows it


@dataclass(frozen=True)
class FurtherValue:
    """Our value of a metric that did not decide, or why there is none."""

    metric: str
    value: float | None
    reason: str = ""


Further = dict[tuple[str, str], FurtherValue]
"""Values by row and metric."""


@dataclass(frozen=True)
class AsPrinted:
    """The result for each printed row; ``further`` has the other metrics by row and metric."""

    explanations: tuple[Explanation, ...]
    unexplained: tuple[PrintedRow, ...]
    left_out: tuple[LeftOut, ...]
    pictures: int
    further: Further = field(default_factory=dict)

    @property
    def reproduced(self) -> bool:
        """Whether some printed row is reproduced."""
        return any(one.reproduced for one in self.explanations)

    def to_json(self) -> Json:
        """The object of ``score --as-printed --json``."""
        return {
            "rows": [self._row_json(one) for one in self.explanations],
            "unexplained": [row.source for row in self.unexplained],
            "left_out": [one.to_json() for one in self.left_out],
        }

    def _row_json(self, found: Explanation) -> Json:
        printed = {cell.metric: cell.value for cell in found.row.cells}
        return {
            "source": found.row.source,
            "dataset": found.row.dataset,
            "profile": f"{PRINTED}{found.row.id}" if found.reproduced else None,
            "conventions": conventions_of(found.profile),
            "subset": found.subset,
            "pictures": len(found.pictures),
            "printed": printed,
            "here": {metric: self.value(found, metric).value for metric in printed},
            "reproduced": found.reproduced,
            "equally_near": found.equals,
        }

    def value(self, found: Explanation, metric: str) -> FurtherValue:
        """Our value of a printed metric."""
        if metric in DECIDING:
            return FurtherValue(metric, found.values[metric])
        return self.further[found.row.id, metric]


def pairs_of_folders(
    blurry: Path,
    sharp: Path,
    rule: Rule | None = None,
) -> list[InputPair]:
    """The pairs of two pictures or two folders; a sub-folder is a subset."""
    if blurry.is_file() or sharp.is_file():
        matched = match_file(blurry, sharp)
    else:
        matched = match(blurry, folder_subjects(sharp), rule)
    if not matched.files:
        raise InputError(
            f"{blurry}: no picture in it has the name of a sharp one in {sharp}"
        )
    pairs: list[InputPair] = []
    for subject, path in matched.files:
        assert subject.sharp is not None  # noqa: S101 - subjects of folders are sharp files
        folder, inside, _ = subject.name.partition("/")
        subsets = ("all", folder) if inside else ("all",)
        pairs.append(InputPair(subject.name, path, subject.sharp, subsets))
    return pairs


def as_printed(
    rows: Sequence[PrintedRow],
    pairs: Sequence[InputPair],
    where: Where = 1,
) -> AsPrinted:
    """Search the conventions behind printed rows; what reproduces one is kept as a profile."""
    search = _Search(list(rows), where)
    search.measure(pairs)
    if not search.settled():
        search.measure_unusual()
    return search.result()


def as_printed_of_dataset(
    rows: Sequence[PrintedRow],
    dataset: str,
    where: Where = 1,
) -> AsPrinted:
    """The conventions by the test split of a dataset, and by the others if it explains none."""
    opened = open_dataset(dataset, damaged=True)
    search = _Search(list(rows), where, left_out=[*opened.without()])
    for split in _SPLITS:
        given = opened.split(split)
        pairs = [_of_split(pair, pair.sharp) for pair in given if pair.sharp]
        if not pairs:
            continue
        search.measure(pairs)
        if search.settled():
            break
        search.measure_unusual()
        if any(one.reproduced for one in search.explanations()):
            break
    if not search.pairs and not search.left_out:
        raise InputError(
            f"{opened.name} has no pair with a sharp picture to compare with"
        )
    return search.result()


def _of_split(pair: Pair, sharp: Path) -> InputPair:
    subsets: tuple[str, ...] = (pair.split,)
    place = pair.metadata.get("place")
    if place:
        subsets = (pair.split, f"{pair.split}, {place}")
    return InputPair(pair.id, pair.blurry, sharp, subsets, pair.white)


@dataclass
class _Search:
    """Pairs that were measured so far, and the rows that they should explain."""

    rows: list[PrintedRow]
    where: Where
    pairs: list[InputPair] = field(default_factory=list)
    errors: list[NDArray[np.float64]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def measure(self, pairs: Sequence[InputPair]) -> None:
        """Add the errors of some pairs under the usual readings; one that fails is left out."""
        results = self._errors(pairs, USUAL, "comparing")
        for pair in pairs:
            usual = results[pair.name]
            if isinstance(usual, LeftOut):
                self.left_out.append(usual)
                continue
            errors = np.full((len(READINGS), ERRORS), np.nan)
            errors[USUAL.start : USUAL.stop] = usual
            self.pairs.append(pair)
            self.errors.append(errors)

    def settled(self) -> bool:
        """Whether usual readings give every row to the last digit."""
        explained = [one for one in self.explanations() if one.exact]
        return len(explained) == len(self.rows)

    def measure_unusual(self) -> None:
        """Add the errors under the other readings, where they are missing."""
        lacking = {}
        pairs = []
        for pair, errors in zip(self.pairs, self.errors, strict=True):
            if np.isnan(errors[UNUSUAL.start, 0]):
                lacking[pair.name] = errors
                pairs.append(pair)
        results = self._errors(pairs, UNUSUAL, "comparing under unusual conventions")
        for name, errors in lacking.items():
            unusual = results[name]
            if isinstance(unusual, LeftOut):
                raise ImageError(unusual.reason)
            errors[UNUSUAL.start : UNUSUAL.stop] = unusual

    def _errors(
        self,
        pairs: Sequence[InputPair],
        readings: range,
        words: str,
    ) -> dict[str, NDArray[np.float64] | LeftOut]:
        items = {pair.name: pair for pair in pairs}
        return dict(
            track(
                each(partial(_errors, readings), items, self.where),
                words,
                len(items),
            )
        )

    def explanations(self) -> list[Explanation]:
        """The nearest conventions of each row that has any."""
        if not self.errors:
            return []
        errors = np.stack(self.errors)
        subsets = self._subsets()
        nearest = [explain(row, errors, subsets) for row in self.rows]
        return [one for one in nearest if one is not None]

    def _subsets(self) -> dict[str, list[int]]:
        """The pictures of each subset, the largest first."""
        subsets: dict[str, list[int]] = defaultdict(list)
        splits = set()
        for number, pair in enumerate(self.pairs):
            splits.add(pair.subsets[0])
            for name in pair.subsets:
                subsets[name].append(number)
        if len(splits) > 1:
            subsets["all splits"] = list(range(len(self.pairs)))
        return dict(subsets)

    def result(self) -> AsPrinted:
        """The results; profiles that reproduce a row are kept."""
        explanations = self.explanations()
        explained = {one.row.id for one in explanations}
        further: Further = {}
        for found in explanations:
            chosen = [self.pairs[number] for number in found.pictures]
            for cell in found.row.cells:
                if cell.metric not in DECIDING:
                    value = _further(found, cell.metric, cell.value, chosen)
                    further[found.row.id, cell.metric] = value
            if found.reproduced:
                _keep(found, further)
        unexplained = tuple(row for row in self.rows if row.id not in explained)
        pictures = len(self.pairs)
        return AsPrinted(
            tuple(explanations),
            unexplained,
            tuple(self.left_out),
            pictures,
            further,
        )


def _errors(readings: range, pair: InputPair) -> NDArray[np.float64]:
    blurry, sharp = read_pair(pair.blurry, pair.sharp, pair.white)
    if np.array_equal(blurry, sharp):
        raise ImageError(
            f"{pair.blurry} equals {pair.sharp}; there is no error to compare"
        )
    largest_window = max(WINDOW_PX.values())
    if min(sharp.shape[:2]) < largest_window:
        raise ImageError(
            f"{pair.sharp} is {size_words(sharp.shape)}; SSIM needs {largest_window} px"
        )
    return errors_of(blurry, sharp, readings)


def _keep(found: Explanation, further: Further) -> None:
    known = all_metrics()
    metrics = []
    for (row, _), used in further.items():
        if row != found.row.id or used.value is None:
            continue
        metric = known.get(used.metric)
        if metric is None or metric.on_request:
            metrics.append(used.metric)
    printed = printed_profile(found.profile, found.row.source, tuple(metrics))
    keep_printed_profile(f"{PRINTED}{found.row.id}", printed)


def _further(
    found: Explanation,
    metric: str,
    printed: float,
    pairs: Sequence[InputPair],
) -> FurtherValue:
    """Our nearest value of a metric that did not decide."""
    if not found.reproduced:
        return FurtherValue(
            metric,
            None,
            f"{metric}: computed only where a row is reproduced",
        )
    known = all_metrics()
    names = [name for name in ALTERNATIVES.get(metric, (metric,)) if name in known]
    if not names:
        return FurtherValue(metric, None, f"{metric}: there is no such metric here")
    values: list[FurtherValue] = []
    for name in names:
        try:
            mean = _mean_of(name, found.profile, pairs)
        except MetricUnavailableError as error:
            reason = str(error) if str(error).startswith(name) else f"{name}: {error}"
            values.append(FurtherValue(name, None, reason))
        else:
            values.append(FurtherValue(name, mean))
    return min(values, key=partial(_distance, printed))


def _distance(printed: float, value: FurtherValue) -> float:
    return math.inf if value.value is None else abs(value.value - printed)


def _mean_of(name: str, profile: Profile, pairs: Sequence[InputPair]) -> float:
    """The mean of a metric over pairs under a profile."""
    metric = all_metrics()[name]
    values: list[float] = []
    for pair in track(pairs, name):
        blurry, sharp = read_pair(pair.blurry, pair.sharp, pair.white)
        target = _scored_part(as_reference(sharp, profile), profile)
        first = _scored_part(as_restored(blurry, profile), profile)
        first = prepared(first, target.shape, profile)
        # the input is its own input
        second = target if metric.against == "target" else first
        mask = np.ones(second.shape[:2], np.bool_)
        values.append(metric.score(first, second, mask, profile))
    return math.fsum(values) / len(values)


def _scored_part(picture: NDArray[np.float64], profile: Profile) -> NDArray[np.float64]:
    return cropped(resized(picture, profile), profile)


SHOWN_DECIMALS = 4
"""Decimals of printed numbers and of ours beside them, whatever the metric."""


def as_printed_table(result: AsPrinted) -> tuple[Table, list[str]]:
    """A line for each printed number, and notes: conventions, and why a value is missing."""
    notes: dict[str, int] = {}
    body: list[tuple[Cell, ...]] = []
    for found in result.explanations:
        body += _lines(result, found, notes)
    columns = (
        "Source",
        "Pictures",
        "Metric",
        Column("Printed", decimals=SHOWN_DECIMALS),
        Column("Nearest here", decimals=SHOWN_DECIMALS),
        "Difference",
        "Notes",
    )
    caption = "the blurry input: printed and computed here"
    return Table.of(caption, columns, body), list(notes)


def _lines(
    result: AsPrinted,
    found: Explanation,
    notes: dict[str, int],
) -> Iterator[tuple[Cell, ...]]:
    note = note_number(_words(found), notes)
    pictures = f"{found.subset} ({len(found.pictures)})"
    for cell in found.row.cells:
        here = result.value(found, cell.metric)
        difference = ""
        if here.value is not None:
            apart = shown_difference(here.value, cell.value, SHOWN_DECIMALS)
            difference = f"{apart:+.{SHOWN_DECIMALS}f}"
        numbers = note
        if here.reason:
            numbers = f"{note} {note_number(here.reason, notes)}"
        yield (
            f"{found.row.source}",
            pictures,
            here.metric,
            cell.value,
            here.value,
            difference,
            numbers,
        )


def _words(found: Explanation) -> str:
    """The conventions of a row, and how sure they are."""
    words = conventions_of(found.profile)
    if not found.reproduced:
        far = f"further than {TOLERANCES['psnr']:g} dB or {TOLERANCES['ssim']:g}"
        return f"not reproduced, {far}; nearest: {words}"
    equal = (
        f"; {counted(found.equals, 'other convention')} fit as well"
        if found.equals
        else ""
    )
    return f"--profile {PRINTED}{found.row.id}: {words}{equal}"
