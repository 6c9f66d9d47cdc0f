"""What three training steps come to, in numbers that another machine gives too.

Make ``training.json`` anew after a revision was raised: ``python -m tests.golden.trainings``."""

import argparse
import csv
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from defocus.baselines.recipe import BudgetName
from defocus.baselines.registry import baseline
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.revisions import TRAINING_REVISION
from defocus.benchmark.study.attempt import train_run
from defocus.benchmark.study.plan import (
    Override,
    Run,
    ScheduleOverride,
    Study,
    plan_runs,
)
from defocus.datasets.pair import Dataset, Pair
from defocus.training.record.folder import CURVE

COMMAND = "python -m tests.golden.trainings"
FILE = Path(__file__).with_name("training.json")
"""Of each system the revisions, each step's line of the curve, and of each tensor the mean and the
root mean square."""

FILES = (FILE, *sorted(FILE.parents[1].glob("extras/*/training.json")))
"""Ours, and those of systems of the extras, beside their tests."""

SYSTEMS = tuple(
    name for file in FILES for name in json.loads(file.read_text(encoding="utf-8"))
)
"""A pixel loss; flow, masks and reblurring; in an extra a diffusion."""

STEPS, CROP_PX, BATCH = 3, 48, 2
SIDE_PX = 96


def planned(name: str, folder: Path, budget: BudgetName = "quick") -> tuple[Study, Run]:
    """The training of a system, on pictures that are the same on every machine.

    Its budget is not demo, which trains narrow copies."""
    system = baseline(name)
    rate = system.recipe().demo.learning_rate if system.recipe else None
    schedule = ScheduleOverride(
        steps=STEPS, crop_px=CROP_PX, batch=BATCH, learning_rate=rate
    )
    dataset = _dataset(folder)
    runs = plan_runs([system], dataset, budget, override=Override(schedule=schedule))
    return Study(folder / "study", dataset, runs), runs[0]


def measured(study: Study, run: Run) -> dict[str, Any]:
    """Revisions, the curve, and what each of the network's tensors has come to."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        network = train_run(study, run).network
    finally:
        torch.set_num_threads(threads)
    return {
        **versions(run),
        "curve": _curve(run_folder(study.out, run.id) / CURVE),
        "weights": {
            name: [
                _short(value.mean().item()),
                _short(value.square().mean().sqrt().item()),
            ]
            for name, tensor in network.state_dict().items()
            # rounding alone moves a bias before a normalisation, which has no gradient
            if (value := tensor.double()).ndim > 1
        },
    }


def versions(run: Run) -> dict[str, int]:
    """The revisions that the numbers are of."""
    return {
        "training_revision": TRAINING_REVISION,
        "card_revision": run.baseline.card.revision,
    }


def _short(value: float) -> float:
    return float(f"{value:.9g}")


def _curve(path: Path) -> list[dict[str, float]]:
    with path.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    return [
        {
            name: float(text)
            for name, text in row.items()
            if text and not name.endswith("seconds")
        }
        for row in rows
    ]


def _dataset(folder: Path) -> Dataset:
    """Four training pairs, and a test pair that nothing is trained on."""
    pairs = tuple(_pair(folder, number) for number in range(5))
    return Dataset("golden", folder, pairs, "0" * 64, folder / "derived")


def _pair(folder: Path, number: int) -> Pair:
    """Boxes of random noise, summed in integers; the sharp one lies a pixel aside."""
    random = np.random.Generator(np.random.PCG64(number))
    noise = random.integers(0, 256, (SIDE_PX + 16, SIDE_PX + 16, 3), dtype=np.int64)
    paths = [folder / f"{number}-{kind}.png" for kind in ("blurry", "sharp")]
    for path, side, at in zip(paths, (7, 3), (4, 7), strict=True):
        cut = slice(at, at + SIDE_PX)
        cv2.imwrite(str(path), _boxed(noise, side)[cut, cut].astype(np.uint8))
    split = "test" if number == 4 else "train"
    return Pair(str(number), str(number), split, *paths)


def _boxed(
    noise: "np.ndarray[Any, np.dtype[np.int64]]", side: int
) -> "np.ndarray[Any, Any]":
    """The mean of each box, rounded down, with the contrast of the noise brought back."""
    sums = np.lib.stride_tricks.sliding_window_view(noise, (side, side), (0, 1)).sum(
        (-2, -1)
    )
    return np.clip(128 + (sums // side**2 - 128) * side, 0, 255)


def kept() -> dict[str, Any]:
    """What the files hold, by system."""
    return {
        name: numbers
        for file in FILES
        for name, numbers in json.loads(file.read_text(encoding="utf-8")).items()
    }


def remake(names: Iterable[str]) -> dict[str, Any]:
    """The document of a ``training.json`` of these systems."""
    trainings = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            trainings[name] = measured(*planned(name, Path(folder)))
    return trainings


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    for file in FILES:
        document = remake(json.loads(file.read_text(encoding="utf-8")))
        file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
