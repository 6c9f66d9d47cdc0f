"""A leaderboard of a million scores, and HTML pages: seconds alone, as nothing is their peer."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from defocus.benchmark.documents.page import build_page
from defocus.benchmark.leaderboard.rows import Row, leaderboard
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import open_results
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.reports.html import render_html
from defocus.reports.model import Column, Page, Table
from tests.benchmark.example_study import ENTRY
from tests.speed.case import Case, Work, new_folder

PROTOCOLS = ("gt", "input-aligned", "deformed-gt", "truth")
METRICS = (
    "psnr",
    "ssim",
    "mae",
    "lpips",
    "fsim",
    "ssim_gaussian",
    "warp_px",
    "psnr_centre",
)
SYSTEMS, PICTURES, DATASETS = 30, 104, 10
"""Together with protocols and metrics: 998,400 scores."""
PAGE_PICTURES = 100
ROWS = 100_000


def store_of_scores(
    path: Path, systems: int, pictures: int, datasets: int = 1
) -> list[str]:
    """A store of artificial scores under all PROTOCOLS and METRICS; the names of all systems."""
    random = np.random.default_rng(0)
    names = []
    with open_results(path) as results:
        for dataset in range(datasets):
            for system in range(systems):
                name = f"system{system}-{dataset}"
                values = random.normal(
                    25, 3, (len(PROTOCOLS), len(METRICS), pictures)
                ).tolist()
                run_entry = replace(
                    ENTRY, run=name, grouping=name, system=name, budget="paper"
                )
                results.record(
                    replace(run_entry, dataset=f"dataset{dataset}"), _scores(values)
                )
                names.append(name)
    return names


def _scores(values: list[list[list[float]]]) -> list[Score]:
    return [
        Score(DEFAULT.name, protocol, metric, f"p{k:03}", f"s{k:03}", value)
        for protocol, by_metric in zip(PROTOCOLS, values, strict=True)
        for metric, by_picture in zip(METRICS, by_metric, strict=True)
        for k, value in enumerate(by_picture)
    ]


def _read(path: Path) -> list[Row]:
    with open_results(path) as results:
        return leaderboard(results)


def _million() -> Work:
    path = new_folder() / "million.sqlite"
    store_of_scores(path, SYSTEMS, PICTURES, DATASETS)
    return partial(_read, path)


def _page(folder: Path) -> str:
    with open_results(folder / "results.sqlite") as results:
        return render_html(build_page(folder, results, leaderboard(results)))


def _study() -> Work:
    folder = new_folder()
    store_of_scores(folder / "results.sqlite", SYSTEMS, PAGE_PICTURES)
    return partial(_page, folder)


def _long_table() -> Work:
    rows = tuple((f"image-{n}", "unet", n % 700 / 9, None) for n in range(ROWS))
    columns = (Column("Picture"), Column("System"), Column("PSNR"), Column("LPIPS"))
    table = Table("All", columns, rows, large=True)
    return partial(render_html, Page("Rows", "", (("All", (table,)),)))


CASES = (
    Case("leaderboard", _million, note="998,400 scores"),
    Case("study-page", _study, note="30 systems, 100 pictures"),
    Case("long-page", _long_table, note="a table of 100,000 rows"),
)
