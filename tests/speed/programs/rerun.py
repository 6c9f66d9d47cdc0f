"""Time of ``run --all`` on a study in which everything is finished.

``python -m tests.speed.programs.rerun`` prints a Markdown table. It makes a finished
study, in which every run of ``--all`` is stored with the scores of all its pictures, its checkpoint
and its ``run.json``. Then it starts the command as a process, once to update the reports and
REPEATS times to be measured, including imports.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import cv2
import numpy as np

from defocus.baselines.recipes.recipe import BudgetName
from defocus.benchmark.evaluation.versions import evaluation_version, metric_versions
from defocus.benchmark.metric.registry import profile_metrics
from defocus.benchmark.results.run_folder import run_folder, stamp
from defocus.benchmark.results.scores.score import Score
from defocus.benchmark.results.store import COSTS, STORE, Cost, Entry, open_results
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.protocols import PROTOCOLS
from defocus.benchmark.study.document import as_request
from defocus.benchmark.study.expansion import expand_request
from defocus.benchmark.study.plan import Run, Study
from defocus.benchmark.study.request import document_of
from defocus.errors import DefocusError
from defocus.files import make_folder, sha256_file, write_bytes, write_json
from defocus.images import write_image
from defocus.training.record.folder import CHECKPOINT

__all__ = ["Rerun", "finished_study", "main", "measured", "start_again", "table", "write_pairs"]

BUDGET: BudgetName = "demo"
SIZE = (48, 64)
STUDIES = ((228, 1),)
"""Pictures and seeds: 10,032 results of 44 runs."""
REPEATS = 3


@dataclass(frozen=True)
class Rerun:
    """Result of starting a finished study again.

    Attributes:
        pictures: Number of pictures in the dataset, all of them test pictures.
        seeds: Number of seeds of each system that trains.
        runs: Number of finished runs.
        cpu_seconds: CPU seconds of the whole process, the minimum of several repeats.
    """

    pictures: int
    seeds: int
    runs: int
    cpu_seconds: float


def write_pairs(root: Path, pictures: int, size: tuple[int, int] = SIZE) -> None:
    """Write a dataset of ``pictures`` test pairs of a height and width, for ``pairs:ROOT``."""
    for member, sigma in (("blurry", 1.5), ("sharp", 0.5)):
        folder = make_folder(root / "test" / member)
        for number in range(pictures):
            noise = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
            picture = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma), np.uint8)
            write_image(folder / f"{number:04}.png", picture)


def finished_study(root: Path, out: Path, seeds: int) -> int:
    """Write a study of ``run --all`` in the state in which every run is finished.

    Args:
        root: Root of the dataset.
        out: The new folder of the study.
        seeds: Number of seeds of each system that trains.

    Returns:
        Number of runs.
    """
    document, options = document_of([f"pairs:{root}"], BUDGET, (), seeds, None, variants=False)
    (study,) = expand_request(as_request(document, None), out, options).studies
    versions = metric_versions(profile_metrics(DEFAULT.name), profile_metrics(DEFAULT.name))
    scores, costs = _scores(study), [Cost(name, 1.0) for name in COSTS]
    with open_results(make_folder(out) / STORE) as results:
        for run in study.runs:
            results.record(_stored(study, run), scores, costs, versions)
    return len(study.runs)


def _stored(study: Study, run: Run) -> Entry:
    """The entry of a run, its files written."""
    folder = make_folder(run_folder(study.out, run.id))
    write_json(folder / "run.json", {"run": run.id, **run.facts()})
    entry = Entry(
        run=run.id,
        grouping=run.group,
        evaluation=evaluation_version(),
        system=run.system,
        input=run.baseline.card.given,
        weights="trained" if run.recipe else "none",
        reconstruction=int(run.baseline.card.status == "reconstruction"),
        train_dataset=study.dataset.name if run.recipe else "",
        dataset=study.dataset.name,
        data_hash=study.dataset.content_hash,
        split="test",
        budget=run.reported_budget,
        seed=run.seed,
        status="ok",
    )
    if run.recipe is None:
        return entry
    checkpoint = folder / CHECKPOINT
    write_bytes(checkpoint, run.id.encode())  # it is known by its size and time, and not read
    return replace(entry, checkpoint=sha256_file(checkpoint), checkpoint_stamp=stamp(checkpoint))


def _scores(study: Study) -> list[Score]:
    random = np.random.default_rng(0)
    return [
        Score(DEFAULT.name, protocol, metric, pair.id, pair.scene, float(random.normal(25, 3)))
        for protocol in PROTOCOLS
        for metric in profile_metrics(DEFAULT.name)
        for pair in study.dataset.split("test")
    ]


def start_again(root: Path, out: Path, seeds: int) -> float:
    """CPU seconds of ``defocus-bench run --all``, imports included.

    Raises:
        DefocusError: The command failed, or did not find every run finished.
    """
    words = ["run", "--all", "--dataset", f"pairs:{root}", "--out", str(out)]
    words += ["--seeds", str(seeds), "--budget", BUDGET]
    before = _children_seconds()
    done = subprocess.run(
        [sys.executable, "-m", "defocus.benchmark", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = _children_seconds() - before
    if done.returncode or "nothing is repeated" not in done.stderr:
        raise DefocusError(f"defocus-bench {' '.join(words)}: {done.stderr[-300:]}")
    return seconds


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measured(pictures: int, seeds: int, folder: Path) -> Rerun:
    """Make a study and start it again."""
    root, out = folder / "data", folder / "out"
    write_pairs(root, pictures)
    runs = finished_study(root, out, seeds)
    start_again(root, out, seeds)
    return Rerun(pictures, seeds, runs, min(start_again(root, out, seeds) for _ in range(REPEATS)))


def table(found: Sequence[Rerun]) -> str:
    """A Markdown table; a result is one run on one picture."""
    lines = ["| runs | pictures | results | CPU s |", "| ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {one.runs:,} | {one.pictures} | {one.runs * one.pictures:,} | {one.cpu_seconds:.2f} |"
        for one in found
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure all STUDIES, print the table."""
    found = []
    for pictures, seeds in STUDIES:
        with tempfile.TemporaryDirectory() as name:
            os.environ["DEFOCUS_CACHE"] = str(Path(name) / "cache")
            found.append(measured(pictures, seeds, Path(name)))
    click.echo(table(found))


if __name__ == "__main__":
    main()
