"""Published gains over the blurry input where it is known what was trained on.

A gain is never printed: it is the system's PSNR minus that of the input."""

import csv
import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from importlib.resources import files

from defocus.benchmark.published.numbers import Published, all_published
from defocus.benchmark.statistics.scored_group import INPUT

WARPED = "deformed-gt"
"""The protocol that warps the reference onto the output, where no input was scored."""

ALIKE_DB = 0.02
"""Largest difference between two sources, dB, that rounding to their digits explains."""


@dataclass(frozen=True)
class PublishedGain:
    """The gain of a published system on one dataset, dB."""

    cell: Published  # what is printed of the system
    # what is printed of the input: by the same source, or by the first one that has it
    input: Published
    trained_on: tuple[str, ...]  # published names of the training sets
    # whether the source of the cell names them; else they are those of the authors' repository or,
    # for LFDOF, the set's own training part
    stated: bool

    @property
    def value(self) -> float:
        """PSNR of the system minus that of the input, rounded to hundredths as printed."""
        difference = Decimal(self.cell.value) - Decimal(self.input.value)
        return float(difference.quantize(Decimal("0.01"), ROUND_HALF_UP))

    @property
    def contradicting(self) -> list[Published]:
        """Other sources' values of the system on the dataset, if they differ."""
        others = []
        for other in _psnr_cells(self.cell.dataset):
            apart_db = abs(other.true_value - self.cell.true_value)
            if other.system == self.cell.system and apart_db > ALIKE_DB:
                others.append(other)
        return others

    @property
    def own_set(self) -> bool:
        """Whether the test pictures are of a set that was trained on."""
        return self.cell.dataset in self.trained_on


@functools.cache
def published_gains() -> tuple[PublishedGain, ...]:
    """Every published gain whose training is known, in the order of the list."""
    text = (files(__package__) / "trained.csv").read_text(encoding="utf-8")
    gains = []
    for row in csv.DictReader(io.StringIO(text)):
        cell = _printed(row["system"], row["dataset"], row["source"])
        trained_on = tuple(row["trained_on"].split())
        is_stated = row["stated"] == "yes"
        gains.append(PublishedGain(cell, _input_of(cell), trained_on, is_stated))
    return tuple(gains)


def _printed(system: str, dataset: str, source: str) -> Published:
    of_system = [cell for cell in _psnr_cells(dataset) if cell.system == system]
    (cell,) = (one for one in of_system if one.source.startswith(source))
    return cell


def _input_of(cell: Published) -> Published:
    inputs = [one for one in _psnr_cells(cell.dataset) if one.system == INPUT]
    return next((one for one in inputs if one.source == cell.source), inputs[0])


def _psnr_cells(dataset: str) -> Iterator[Published]:
    for cell in all_published():
        if (cell.metric, cell.dataset) == ("psnr", dataset) and cell.protocol != WARPED:
            yield cell
