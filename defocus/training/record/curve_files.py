"""The one reader of ``train.csv`` and of the other curves that a training records."""

import csv
from collections.abc import Mapping
from pathlib import Path

from defocus.errors import InputError
from defocus.reading import intact

ADVICE = "restore it, or delete it"
"""Advice on a damaged curve."""


def read_curve(path: Path, last_step: int, *numbers: str) -> list[dict[str, str]]:
    """The lines of a curve up to a step, without empty fields; empty without a file.

    A line without one of the ``numbers`` is damaged."""
    with intact(path, ADVICE, InputError, OSError, csv.Error):
        rows = _lines_until(path, last_step)
        for row in rows:
            for column in numbers:
                float(row[column])
        return rows


def read_scores(path: Path, last_step: int) -> list[dict[str, float]]:
    """The numbers of each line of a curve up to a step; empty without a file."""
    with intact(path, ADVICE, InputError, OSError, csv.Error):
        return [_as_numbers(row) for row in _lines_until(path, last_step)]


def _as_numbers(row: Mapping[str, str]) -> dict[str, float]:
    return {column: float(cell) for column, cell in row.items()}


def read_numbers(path: Path, *columns: str) -> list[tuple[float, ...]]:
    """Some columns of each line of a curve; empty without a file."""
    numbers = []
    with intact(path, ADVICE, InputError, OSError, csv.Error):
        for row in _lines(path):
            cells = [row[column] for column in columns]
            numbers.append(tuple(map(float, cells)))
    return numbers


def seconds_per_step(path: Path) -> float | None:
    """Mean seconds of a step of a training by its ``train.csv``; None before its first step."""
    rows = read_numbers(path, "seconds", "step")
    if not rows:
        return None
    seconds, steps = rows[-1]
    return seconds / steps if steps >= 1 else None


def _lines_until(path: Path, last_step: int) -> list[dict[str, str]]:
    """The lines of a curve up to a step."""
    return [row for row in _lines(path) if int(row["step"]) <= last_step]


def _lines(path: Path) -> list[dict[str, str]]:
    """The lines of a curve by column, without empty cells; none without a file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as handle:
        return [_without_empty(row) for row in csv.DictReader(handle)]


def _without_empty(row: Mapping[str, str]) -> dict[str, str]:
    return {column: cell for column, cell in row.items() if cell}
