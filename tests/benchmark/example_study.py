"""A study as large as one likes, written straight into a store; for tests of reports."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from defocus.benchmark.documents.page import build_page
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Cost, Entry, open_results
from defocus.pictures.write import write_image
from defocus.reports.model import Page, Part, parts_inside

Kind = TypeVar("Kind")

SYSTEMS = (
    "unet",
    "jdrl-unet",
    "restormer",
    "ifan",
    "drbnet",
    "kpac",
    "dpdnet-single",
    "wiener",
)
"""Names that have cards; beyond them, names of nobody."""

ENTRY = Entry(
    run="net-1", grouping="g", evaluation="e", system="net", input="single", weights="trained",
    reconstruction=0, train_dataset="made", dataset="made", data_hash="0", split="test",
    budget="demo", seed=0, status="ok",
)  # fmt: skip
"""A run of the budget demo; tests change what they are about."""

METRICS = {
    "psnr": (24.0, 2.0),
    "ssim": (0.75, 0.05),
    "mae": (0.04, 0.01),
    "lpips": (0.3, 0.08),
}


def entry(number: int, budget: str = "paper", dataset: str = "dpdd:made") -> Entry:
    """The run of the system of that number; number 0 is the blurry input."""
    names = ("input", *SYSTEMS)
    system = names[number] if number < len(names) else f"system-{number}"
    bare = system in {"input", "wiener"}
    return Entry(
        run=f"{system}-{budget}",
        grouping=f"g{number}{budget}",
        evaluation="e",
        system=system,
        input="single",
        weights="none" if bare else "trained",
        reconstruction=0,
        train_dataset="" if bare else dataset,
        dataset=dataset,
        data_hash="0" * 64,
        split="test",
        budget="not-trained-here" if bare else budget,
        seed=0,
        status="ok",
    )


def scores(
    number: int, images: int, protocols: tuple[str, ...], draws: np.random.Generator
) -> Iterator[Score]:
    """Scores that grow with the number of the system; pictures differ more than systems do."""
    hard = np.random.default_rng(1).normal(0, 1, images)
    for protocol in protocols:
        for metric, (mean, wide) in METRICS.items():
            sign = 1 if metric in {"psnr", "ssim"} else -1
            values = mean + sign * wide * (
                hard + 0.1 * number + draws.normal(0, 0.2, images)
            )
            for image, value in enumerate(values):
                where = (f"image-{image:03d}", f"scene-{image // 2:03d}")
                yield Score("defocus-v1", protocol, metric, *where, float(value))


def page_of(out: Path, *, printed: bool = False) -> Page:
    """The report of a study."""
    with open_results(out / "results.sqlite") as results:
        return build_page(out, results, leaderboard(results), printed=printed)


def parts(page: Page, kind: type[Kind]) -> list[Kind]:
    """All parts of a kind, those inside folded ones too."""

    def walk(some: tuple[Part, ...]) -> Iterator[Part]:
        for part in some:
            yield part
            yield from walk(parts_inside(part))

    shown = walk(tuple(part for _, section in page.sections for part in section))
    return [part for part in shown if isinstance(part, kind)]


def make_study(
    out: Path,
    systems: int = 4,
    images: int = 24,
    *,
    budget: str = "paper",
    protocols: tuple[str, ...] = ("gt", "input-aligned"),
    pictures: int = 0,
) -> Path:
    """A study of the blurry input and so many systems; so many images have their pictures."""
    draws = np.random.default_rng(0)
    out.mkdir(parents=True, exist_ok=True)
    with open_results(out / "results.sqlite") as results:
        for number in range(systems + 1):
            run_entry = entry(number, budget)
            costs = [
                Cost("params_m", 2.0 * number),
                Cost("macs_g", 10.0 * number**2),
                Cost("seconds", 0.05 * (number % 5 + 1)),
                Cost("seconds_mp", 0.5 * (number % 5 + 1)),
            ]
            results.record(run_entry, scores(number, images, protocols, draws), costs)
            _write_run(out / "runs" / run_entry.run, run_entry, pictures, number, draws)
    return out


def _write_run(
    folder: Path,
    run_entry: Entry,
    pictures: int,
    number: int,
    draws: np.random.Generator,
) -> None:
    (folder / "images").mkdir(parents=True)
    document = {
        "run": run_entry.run,
        "schedule": {"steps": 1000, "crop_px": 256, "batch": 4, "learning_rate": 1e-4},
        "device": "cpu",
        "machine": {"system": "Linux", "cores": 2},
    }
    (folder / "run.json").write_text(json.dumps(document))
    if run_entry.weights == "trained":
        lines = [f"{step},0,{step},0.1,{1 / (step + number)}" for step in range(1, 300)]
        header = "step,epoch,seconds,learning_rate,loss"
        (folder / "train.csv").write_text("\n".join([header, *lines]))
    for image in range(pictures):
        texture = np.random.default_rng(image).integers(0, 255, (15, 20, 3), np.uint8)
        sharp = np.kron(texture, np.ones((10, 10, 1), np.uint8))
        noise = draws.integers(0, 40 // (number + 1) + 1, sharp.shape)
        restored = np.clip(sharp + noise, 0, 255).astype(np.uint8)
        for state, picture in (
            ("blurry", sharp // 2),
            ("restored", restored),
            ("sharp", sharp),
        ):
            write_image(folder / "images" / f"image-{image:03d}.{state}.png", picture)
