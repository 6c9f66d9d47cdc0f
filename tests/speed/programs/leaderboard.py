"""A leaderboard of a million scores, and the HTML pages of small and large ones.

``python -m tests.speed.programs.leaderboard`` prints a Markdown table: CPU seconds (the
minimum of three) and the size of the result. There is no peer; each line shows its target instead.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.reporting.page import build_page
from defocus.benchmark.results.scores.score import Score
from defocus.benchmark.results.store import Entry, open_results
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.reports.html import render_html
from defocus.reports.model import Column, Page, Table

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "TimedLine",
    "long_page",
    "main",
    "read_leaderboard",
    "store_of_scores",
    "study_page",
]

T = TypeVar("T")

PROTOCOLS = ("gt", "input-aligned", "deformed-gt", "truth")
METRICS = ("psnr", "ssim", "mae", "lpips", "fsim", "ssim_gaussian", "warp_px", "psnr_centre")
SYSTEMS, PICTURES, DATASETS = 30, 104, 10
"""Together with protocols and metrics: 998,400 scores."""
PAGE_PICTURES = 100
ROWS = (10_000, 100_000)
REPEATS = 3


@dataclass(frozen=True)
class TimedLine:
    """Measurement of one piece of work.

    Attributes:
        name: Name of the measured work.
        cpu_seconds: CPU seconds, the minimum of several repeats.
        size: Size of the result, in words.
        aim: The target; empty if there is none.
    """

    name: str
    cpu_seconds: float
    size: str
    aim: str = ""


def store_of_scores(path: Path, systems: int, pictures: int, datasets: int = 1) -> list[str]:
    """Make a store of artificial scores under all of PROTOCOLS and METRICS.

    Args:
        path: The new file.
        systems: Number of systems on each dataset.
        pictures: Number of pictures per dataset, each its own scene.
        datasets: Number of datasets.

    Returns:
        The names of all systems.
    """
    random = np.random.default_rng(0)
    names = []
    with open_results(path) as results:
        for dataset in range(datasets):
            for system in range(systems):
                name = f"system{system}-{dataset}"
                values = random.normal(25, 3, (len(PROTOCOLS), len(METRICS), pictures)).tolist()
                results.record(_entry(name, f"dataset{dataset}"), _scores(values))
                names.append(name)
    return names


def _entry(name: str, dataset: str) -> Entry:
    return Entry(
        run=name,
        grouping=name,
        evaluation="e",
        system=name,
        input="single",
        weights="trained",
        reconstruction=0,
        train_dataset="made",
        dataset=dataset,
        data_hash="d" * 64,
        split="test",
        budget="paper",
        seed=0,
        status="ok",
    )


def _scores(values: list[list[list[float]]]) -> list[Score]:
    return [
        Score(DEFAULT.name, protocol, metric, f"p{k:03}", f"s{k:03}", value)
        for protocol, by_metric in zip(PROTOCOLS, values, strict=True)
        for metric, by_picture in zip(METRICS, by_metric, strict=True)
        for k, value in enumerate(by_picture)
    ]


def read_leaderboard(path: Path) -> int:
    """Open a store, read its leaderboard and return the number of rows."""
    with open_results(path) as results:
        return len(leaderboard(results))


def study_page(folder: Path) -> str:
    """The HTML report of a study whose folder has a store ``results.sqlite``."""
    with open_results(folder / "results.sqlite") as results:
        return render_html(build_page(folder, results, leaderboard(results)))


def long_page(count: int) -> str:
    """The HTML page of one table of ``count`` rows."""
    rows = tuple((f"image-{n}", "unet", n % 700 / 9, None) for n in range(count))
    columns = (Column("Picture"), Column("System"), Column("PSNR"), Column("LPIPS"))
    return render_html(Page("Rows", "", (("All", (Table("All", columns, rows, large=True),)),)))


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    found = work()
    seconds = []
    for _ in range(REPEATS):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds), found


def _read(folder: Path) -> TimedLine:
    path = folder / "million.sqlite"
    store_of_scores(path, SYSTEMS, PICTURES, DATASETS)
    seconds, rows = _timed(lambda: read_leaderboard(path))
    count = SYSTEMS * PICTURES * DATASETS * len(PROTOCOLS) * len(METRICS)
    return TimedLine(f"leaderboard of {count:,} scores", seconds, f"{rows:,} rows", "0.5 s")


def _study(folder: Path) -> TimedLine:
    store_of_scores(folder / "results.sqlite", SYSTEMS, PAGE_PICTURES)
    seconds, page = _timed(lambda: study_page(folder))
    name = f"page of {SYSTEMS} systems, {PAGE_PICTURES} pictures"
    return TimedLine(name, seconds, _megabytes(page), "1 s, 1.5 MB")


def _rows(count: int) -> TimedLine:
    seconds, page = _timed(lambda: long_page(count))
    return TimedLine(f"page of {count:,} rows", seconds, _megabytes(page))


def _megabytes(page: str) -> str:
    return f"{len(page.encode()) / 1e6:.2f} MB"


def main() -> None:
    """Make the stores, measure, print the table."""
    with tempfile.TemporaryDirectory() as name:
        lines = [_read(Path(name)), _study(Path(name)), *map(_rows, ROWS)]
    click.echo("| what | CPU s | size | aim |\n| --- | ---: | ---: | ---: |")
    for line in lines:
        click.echo(f"| {line.name} | {line.cpu_seconds:.3f} | {line.size} | {line.aim} |")


if __name__ == "__main__":
    main()
