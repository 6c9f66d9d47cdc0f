"""Overhead of the harness for training steps and scored pictures.

``python -m tests.speed.programs.harness`` prints a Markdown table for the system
``unet``. Each line compares the CPU time of the harness with that of a bare loop, with the same
network and the same batches or pictures, alternating in one process on one thread:

- *training*: :func:`defocus.benchmark.training.train.train`, which also writes a curve, checks
  every loss, tries the memory and writes a checkpoint, against only forward, loss, backward and
  step;
- *evaluation*: :func:`defocus.benchmark.evaluation.evaluate.evaluate`, which also keeps some
  pictures for the report, counts costs and names each score, against only reading, forward, targets
  and the same scores.

Both do few and then many steps or pictures. The difference gives the cost per step or picture, and
the rest is the cost per run. About a dozen pictures are kept for any number of pictures, so they
belong to the cost per run.
"""

import itertools
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.card import Baseline
from defocus.baselines.objective import Batch, Objective, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.benchmark.evaluation.evaluate import evaluate, restore_picture
from defocus.benchmark.evaluation.versions import ESTIMATOR
from defocus.benchmark.scoring.breakdown import psnr_by_place, psnr_by_region, psnr_over_input
from defocus.benchmark.scoring.profiles import DEFAULT, prepared
from defocus.benchmark.scoring.protocols import PROTOCOLS, Target, make_target
from defocus.benchmark.scoring.score import score_against_input, score_picture
from defocus.benchmark.study.plan import Override, Run, ScheduleOverride, plan_runs
from defocus.benchmark.training.train import train
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import NotApplicableError
from defocus.files import make_folder
from defocus.freed_memory import keep_freed_memory
from defocus.images import as_float, read_image
from defocus.training.steps.optimisers import make_optimisers
from tests.speed.programs.rerun import write_pairs

__all__ = ["Overhead", "evaluating", "main", "table", "training"]

STEPS, CROP_PX, BATCH = (5, 45), 96, 1
"""Few and many; crops and batch of the quick schedule: at larger ones the harness weighs less."""
PICTURES, SIZE = (13, 26), (192, 256)
"""Few and many, of which equally many are kept."""
REPEATS = 3
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Overhead:
    """Cost of the same work with and without the harness.

    Attributes:
        name: Name of the work.
        harness: CPU seconds of one more step or picture with the harness.
        bare: The same in the bare loop.
        once: CPU seconds of overhead per run, independent of the number of steps.
    """

    name: str
    harness: float
    bare: float
    once: float

    @property
    def percent(self) -> float:
        """Overhead of the harness per step or picture, percent."""
        return 100 * (self.harness / self.bare - 1)


class _Given:
    """Source of batches that are already in memory."""

    def __init__(self, steps: int, crop_px: int, size: int) -> None:
        generator = torch.Generator().manual_seed(0)
        pictures = torch.rand((steps, 2, size, 3, crop_px, crop_px), generator=generator)
        self.batches = [Batch(blurry, target) for blurry, target in pictures]

    def batch(self, step: int, size: int, seed: int, crop_px: int | None = None) -> Batch:
        """See :class:`defocus.benchmark.training.train.BatchSource`; made for one size."""
        del size, seed, crop_px
        return self.batches[step]


def training(
    system: Baseline,
    dataset: Dataset,
    folder: Path,
    steps: tuple[int, int],
    crop_px: int,
    repeats: int,
) -> Overhead:
    """Train few and many steps, alternating with and without the harness."""
    given = _Given(max(steps), crop_px, BATCH)

    def run_of(count: int) -> Run:
        schedule = ScheduleOverride(steps=count, crop_px=crop_px, batch=BATCH)
        return plan_runs([system], dataset, "paper", override=Override(schedule=schedule))[0]

    def harness(count: int) -> None:
        run = run_of(count)
        shutil.rmtree(folder, ignore_errors=True)
        train(run, lambda: _objective(run), given, make_folder(folder), CPU)

    def bare(count: int) -> None:
        _bare_training(run_of(count), given.batches[:count])

    return _in_turns("training, a step", harness, bare, steps, repeats)


def _objective(run: Run) -> Objective:
    assert run.recipe is not None
    return objective(run.recipe.objective, **run.recipe.objective_settings)


def _bare_training(run: Run, batches: Sequence[Batch]) -> None:
    network, loss_of = run.baseline.build().train(), _objective(run).train()
    assert run.recipe is not None
    optimiser = make_optimisers(run.recipe, network, loss_of).network
    for step, batch in enumerate(batches):
        optimiser.zero_grad(set_to_none=True)
        loss, _ = loss_of(network, batch, Progress(step, 0.0, 0))
        loss.backward()
        optimiser.step()


def evaluating(
    system: Baseline, dataset: Dataset, folder: Path, pictures: tuple[int, int], repeats: int
) -> Overhead:
    """Evaluate few and many test pairs, alternating with and without the harness."""
    network, estimator = system.build().eval(), flow_estimator(ESTIMATOR)
    pairs = dataset.split("test")

    def harness(count: int) -> None:
        evaluate(network, system.card, dataset, pairs[:count], estimator, folder, device=CPU)

    def bare(count: int) -> None:
        _bare_evaluation(network, system, dataset, pairs[:count], estimator)

    return _in_turns("evaluation, a picture", harness, bare, pictures, repeats)


def _bare_evaluation(
    network: torch.nn.Module,
    system: Baseline,
    dataset: Dataset,
    pairs: Sequence[Pair],
    estimator: FlowEstimator,
) -> None:
    for pair in pairs:
        restored, _ = restore_picture(network, system.card, pair, CPU)
        blurry = np.asarray(as_float(read_image(pair.blurry), np.float64), np.float64)
        score_against_input(restored, blurry, DEFAULT)
        for protocol in PROTOCOLS:
            try:
                target = make_target(protocol, dataset, pair, restored, estimator)
            except NotApplicableError:
                continue
            found = score_picture(restored, target, DEFAULT)
            if PROTOCOLS[protocol].ranked:
                _bare_parts(restored, blurry, target, pair, found["psnr"].value)


def _bare_parts(
    restored: NDArray[np.float64],
    blurry: NDArray[np.float64],
    target: Target,
    pair: Pair,
    psnr: float | None,
) -> None:
    picture = prepared(restored, target.reference.shape, DEFAULT)
    psnr_by_region(picture, target, DEFAULT, pair)
    psnr_by_place(psnr, pair)
    psnr_over_input(psnr, blurry.astype(np.float32), target, DEFAULT)


def _in_turns(
    name: str,
    harness: Callable[[int], None],
    bare: Callable[[int], None],
    counts: tuple[int, int],
    repeats: int,
) -> Overhead:
    """Run both once as a warm-up, then alternate, so that the machine's load affects both."""
    few, many = counts
    seconds: dict[tuple[Callable[[int], None], int], list[float]] = {}
    for turn in range(repeats + 1):
        for count, work in itertools.product(counts, (harness, bare)):
            begun = time.process_time()
            work(count)
            if turn:
                seconds.setdefault((work, count), []).append(time.process_time() - begun)

    def each(work: Callable[[int], None]) -> float:
        pairs = zip(seconds[work, few], seconds[work, many], strict=True)
        return statistics.median((long - short) / (many - few) for short, long in pairs)

    once = statistics.median(seconds[harness, few]) - few * each(harness)
    return Overhead(name, each(harness), each(bare), once)


def table(found: Sequence[Overhead]) -> str:
    """A Markdown table."""
    lines = [
        "| what | harness, CPU s | bare, CPU s | overhead | once a run, CPU s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {o.name} | {o.harness:.4f} | {o.bare:.4f} | {o.percent:.1f} % | {o.once:.2f} |"
        for o in found
    ]
    return "\n".join(lines)


def main() -> None:
    """Make pictures, measure both, print the table."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as runs do; else page faults, which vary more, are half of a step
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DEFOCUS_CACHE"] = str(folder / "cache")
        write_pairs(folder / "data", max(PICTURES), SIZE)
        system, dataset = baseline("unet"), open_dataset(f"pairs:{folder / 'data'}")
        found = [
            training(system, dataset, folder / "run", STEPS, CROP_PX, REPEATS),
            evaluating(system, dataset, folder / "run", PICTURES, REPEATS),
        ]
    click.echo(
        f"unet; {STEPS} steps of {CROP_PX} px, batch {BATCH}; {PICTURES} pictures of "
        f"{SIZE[1]}x{SIZE[0]} px; median of {REPEATS}\n\n{table(found)}"
    )


if __name__ == "__main__":
    main()
