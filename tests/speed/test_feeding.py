"""What processes that make batches bring, and cost: seconds of the wall, for they are to be saved.

``pytest tests/speed/test_feeding.py --benchmark-only -n 0``"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import cv2
import pytest
import torch
from torch import nn

from defocus.baselines.objective import Batch, Objective, Parts, Progress
from defocus.datasets.stream.patches import Renderer, StreamPatches
from defocus.training.feeding import Feeder, feeding
from defocus.training.loop import Job, train
from defocus.training.method import Method, Training
from defocus.training.parallel import Ranks
from defocus.training.record.curve_files import read_curve
from defocus.training.record.folder import CURVE
from tests.speed.cases.stream import _photographs

CPU = torch.device("cpu")
STEPS, BEGUN = 60, 10
STEP_S, BATCH_S = 0.050, 0.040
PAIRS, SIDE = 8, 192
"""Of the stream: a batch."""

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(0),
    pytest.mark.benchmark(timer=time.perf_counter),
]


@pytest.fixture(autouse=True)
def one_thread():
    """So that a process beside it has a core of its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    yield
    torch.set_num_threads(before)


class Sleeping(Objective):
    """Takes as long as a step of a GPU, of which the processor does nothing."""

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, Parts]:
        time.sleep(STEP_S)
        return network(batch.blurry).square().mean(), {}


def costly(step: int) -> Batch:
    """A batch that keeps a core busy for its time."""
    until = time.perf_counter() + BATCH_S
    while time.perf_counter() < until:
        pass
    pictures = torch.full((2, 1, 3, 8, 8), float(step))
    return Batch(pictures[0], pictures[1])


STORE = torch.rand(64, 3, 160, 160)


def stored(step: int) -> Batch:
    """A batch of a store in memory, which costs next to nothing."""
    pictures = STORE[torch.arange(step, step + PAIRS) % len(STORE)]
    return Batch(pictures, pictures)


def step_seconds(
    workers: int, folder: Path, make: Callable[[int], Batch] = costly
) -> float:
    """Mean time of a step after the first ones, in a training."""

    def batches(first: int, feeder: Feeder) -> Iterator[Batch]:
        return feeder.ahead(make, range(first, STEPS))

    method = Method(epochs=1, training=Training(workers=workers))
    network = partial(nn.Conv2d, 3, 3, 1)
    job = Job("speed", 0, method, 1e-3, STEPS, network, Sleeping, batches, "")
    folder.mkdir()
    train(job, folder, CPU)
    rows = read_curve(folder / CURVE, STEPS)
    spent = float(rows[-1]["seconds"]) - float(rows[BEGUN - 1]["seconds"])
    return spent / (STEPS - BEGUN)


@pytest.mark.benchmark(group="feeding-step")
@pytest.mark.parametrize("workers", [0, 1])
def test_a_step_does_not_wait_for_its_batch(
    tmp_path, benchmark, record_property, workers
):
    seconds = benchmark.pedantic(partial(step_seconds, workers, tmp_path / "run"))
    wanted = 55 if workers else 90
    text = f"steps of {1e3 * STEP_S:.0f} ms, batches of {1e3 * BATCH_S:.0f} ms, {workers} workers"
    record_property(
        "speed", f"{text}: {1e3 * seconds:.1f} ms a step (target: {wanted} ms)"
    )


@pytest.mark.benchmark(group="feeding-memory")
def test_workers_cost_a_store_in_memory_nothing(tmp_path, benchmark, record_property):
    alone = step_seconds(0, tmp_path / "alone", stored)
    beside = benchmark.pedantic(partial(step_seconds, 1, tmp_path / "beside", stored))
    text = f"batches of a store in memory: {1e3 * alone:.1f} ms a step, with a worker"
    text += f" {1e3 * beside:.1f}: {100 * (beside / alone - 1):+.1f} % (target: 3 %)"
    record_property("speed", text)


@pytest.mark.benchmark(group="feeding-stream")
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_stream_comes_as_fast_as_there_are_processes(
    benchmark, record_property, workers
):
    patches = StreamPatches(Renderer(_photographs(), "train", lenses=2), SIDE)
    begun, timed = 16 * max(1, workers), 40
    with feeding(workers, Ranks(), CPU) as feeder:
        batches = feeder.ahead(partial(streamed, patches), range(begun + timed + 6))
        for _ in range(begun):  # makes the kernels
            next(batches)

        def work() -> None:
            for _ in range(timed):
                next(batches)

        benchmark.pedantic(work)
        megabytes = [
            resident_mb(process.pid) for process in active_children() if process.pid
        ]
    rate = timed * PAIRS / benchmark.stats["min"]
    held = f", {max(megabytes, default=0):.0f} MB each at most" if workers else ""
    record_property(
        "speed", f"stream, {workers} workers: {rate:.0f} pairs/s of {SIDE} px{held}"
    )


def streamed(patches: StreamPatches, step: int) -> Batch:
    return patches.batch(step, PAIRS, 0)


def resident_mb(pid: int) -> float:
    """Memory that a process has for itself, MB; 0 where Linux does not say it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return (
        sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
        / 1024
    )
