"""Gains of rows on pictures, each kept in a file as soon as it is measured."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metrics.psnr import decibels
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.datasets.stream.native import NativeRenderer
from defocus.pictures.read import read_image
from defocus.pictures.values import as_integer
from defocus.pictures.write import write_image
from defocus.processes.isolation import LeftOut, attempt
from defocus.progress import say, track
from defocus.reading import read_json
from defocus.storage.files import write_json
from research.light import Array, Pixels
from research.native_size.cases import Case, Rendered, content_of, rendered
from research.native_size.systems import Row

BINS_PX = (0.0, 3.0, 12.0, 24.0, 48.0)
"""Circles of confusion, px, at which parts of a ramp begin; the last part has no end."""


@dataclass(frozen=True)
class Cell:
    """Result of a row on one picture."""

    gain_db: float  # in PSNR over the blurry picture, all pixels
    # of each of BINS_PX: pixels, and sums of squared errors of the blurry and the restored picture
    pixels: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    cpu_seconds: float  # of restoring


Cells = Mapping[tuple[str, Case], Cell]
"""Cells by the name of the row and the picture."""


@dataclass(frozen=True)
class Kept:
    """A folder with a file for each cell, named by everything that decides on it."""

    folder: Path

    def cell(self, key: str) -> Cell | None:
        """A cell that was measured before."""
        path = self.folder / f"{key}.json"
        if not path.is_file():
            return None
        document = read_json(path)
        return Cell(
            gain_db=document["gain_db"],
            pixels=tuple(document["pixels"]),
            before=tuple(document["before"]),
            after=tuple(document["after"]),
            cpu_seconds=document["cpu_seconds"],
        )

    def keep(self, key: str, title: str, cell: Cell) -> None:
        """Write a cell; the title is for people who open the file."""
        write_json(self.folder / f"{key}.json", {"title": title, **asdict(cell)})

    def crop_path(self, key: str) -> Path:
        """File of the shown part of a picture: blurry, restored and sharp side by side."""
        return self.folder / f"{key}.jpg"


def key_of(renderer: NativeRenderer, case: Case, row: Row) -> str:
    """Name of the files of a cell."""
    document = {
        **content_of(renderer, case),
        "row": row.content,
        "name": row.name,
    }
    text = json.dumps(document, sort_keys=True)
    digest = hashlib.sha256(text.encode())
    return digest.hexdigest()[:32]


def measured(
    renderer: NativeRenderer,
    cases: Sequence[Case],
    rows: Sequence[Row],
    kept: Kept,
) -> Cells:
    """All cells; those that are not kept are measured now, and what fails is named."""
    cells: dict[tuple[str, Case], Cell] = {}
    for case in track(cases, "measuring"):
        lacking: list[Row] = []
        for row in rows_for(case, rows):
            cell = kept.cell(key_of(renderer, case, row))
            if cell is None:
                lacking.append(row)
            else:
                cells[row.name, case] = cell
        for row, cell in _measured_now(renderer, case, lacking, kept):
            cells[row.name, case] = cell
    return cells


def rows_for(case: Case, rows: Sequence[Row]) -> list[Row]:
    """The rows that restore a picture: on a ramp no one kernel is true."""
    ramp = case.blur.diameter_px is None
    return [row for row in rows if not (ramp and row.needs_kernel)]


def _measured_now(
    renderer: NativeRenderer,
    case: Case,
    rows: Sequence[Row],
    kept: Kept,
) -> Iterator[tuple[Row, Cell]]:
    if not rows:
        return
    picture = attempt(case.name, partial(rendered, renderer, case))
    if isinstance(picture, LeftOut):
        say(f"{case.name} is left out: {picture.reason}", error=True)
        return
    for row in rows:
        result = attempt(row.name, partial(_measure, row, picture))
        if isinstance(result, LeftOut):
            say(f"{case.name}: {row.name} is left out: {result.reason}", error=True)
            continue
        cell, part = result
        key = key_of(renderer, case, row)
        # first: a cell that is there has its part
        write_image(kept.crop_path(key), part)
        kept.keep(key, f"{case.name}, {row.name}", cell)
        yield row, cell


def _measure(row: Row, picture: Rendered) -> tuple[Cell, Pixels]:
    """The cell, and the part that is shown."""
    started = time.process_time()
    restored = row.restore(picture.given)
    seconds = time.process_time() - started
    cell = cell_of(restored, picture, round(seconds, 2))
    return cell, shown_part(restored, picture)


def cell_of(
    restored: Array,
    picture: Rendered,
    cpu_seconds: float,
) -> Cell:
    """The gain of a restored picture, as a whole and by the true circle of confusion."""
    part = np.digitize(picture.diameters, BINS_PX).ravel() - 1
    pixels = np.bincount(part, minlength=len(BINS_PX))
    before = _errors_by_part(picture.given.blurry, picture.sharp, part)
    after = _errors_by_part(restored, picture.sharp, part)
    return Cell(
        gain_db=gain_of(sum(before), sum(after), part.size),
        pixels=tuple(pixels.tolist()),
        before=before,
        after=after,
        cpu_seconds=cpu_seconds,
    )


def _errors_by_part(
    picture: Array,
    sharp: Array,
    part: NDArray[np.intp],
) -> tuple[float, ...]:
    """Sums of the squared errors of all pixels of each part."""
    squares = np.square(picture - sharp)
    errors = squares.mean(axis=2, dtype=np.float64)
    sums = np.bincount(part, errors.ravel(), minlength=len(BINS_PX))
    return tuple(sums.tolist())


def gain_of(before: float, after: float, pixels: int) -> float:
    """Gain in PSNR from sums of squared errors, dB."""
    level_after = decibels(after / pixels, DEFAULT)
    return level_after - decibels(before / pixels, DEFAULT)


def shown_part(restored: Array, picture: Rendered) -> Pixels:
    """Blurry, restored and sharp at 1:1, side by side."""
    members = (picture.given.blurry, restored, picture.sharp)
    parts = [member[picture.shown] for member in members]
    side_by_side = np.hstack(parts)
    return np.asarray(as_integer(side_by_side, 8), np.uint8)


def crop_of(kept: Kept, key: str) -> tuple[Pixels, ...]:
    """The three kept parts: blurry, restored, sharp."""
    whole = np.asarray(read_image(kept.crop_path(key)), np.uint8)
    return tuple(np.hsplit(whole, 3))
