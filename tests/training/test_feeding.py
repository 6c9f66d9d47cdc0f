"""Batches that processes make ahead: the same bits, and nothing is left of them."""

import os
import pickle
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
import torch

from defocus.baselines.objective import Batch
from defocus.baselines.recipe import Schedule
from defocus.benchmark.study.document import StudyDocument
from defocus.benchmark.study.fit import train
from defocus.benchmark.study.plan import Run
from defocus.datasets.patching.packing import PatchStore, pack
from defocus.datasets.patching.source import PatchSource
from defocus.errors import DatasetError, InterruptedWorkError
from defocus.training.feeding import FEW_STEPS, Feeder, MakerDiedError, feeding, makers
from defocus.training.method import Training
from defocus.training.parallel import Ranks
from defocus.training.record.folder import CHECKPOINT, steps_done
from tests.benchmark.test_train import CPU
from tests.command_process import StartedCommand, start_code, wait_until
from tests.training.test_loop import STEPS, Points, job, points
from tests.training.test_loop import train as train_job
from tests.training.test_parallel import Plain, evenly, started_by_torchrun

FIFTY = Schedule(steps=50, crop_px=16, batch=4, learning_rate=1e-2)
MARK = "DEFOCUS_TEST_FEEDING"
"""In the environment of the processes that a training starts."""


@pytest.mark.parametrize(
    ("asked", "steps", "expected"),
    [(None, FEW_STEPS - 1, 0), (3, 2, 3), (0, FEW_STEPS, 0), (None, FEW_STEPS, 7)],
)
def test_short_trainings_start_no_process_unless_asked(
    monkeypatch, asked, steps, expected
):
    monkeypatch.setattr("defocus.training.feeding.usable_cores", lambda: 8)
    assert makers(asked, steps, Ranks()) == expected
    assert makers(None, steps, Ranks(beside=4)) == (1 if steps == FEW_STEPS else 0)


def fifty(workers: int) -> Run:
    training = Training(workers=workers, checkpoint_minutes=1e-6)
    changes = {
        "demo": FIFTY,
        "augment": ("flip", "rotate", "noise"),
        "training": training,
    }
    run = evenly()
    return replace(run, recipe=run.recipe.model_copy(update=changes))


def source(path: Path) -> PatchSource:
    if not path.exists():
        draw = np.random.default_rng(0)
        pairs = [
            (
                f"{n}",
                {m: draw.integers(0, 2**16, (40, 40, 3), np.uint16) for m in MEMBERS},
            )
            for n in range(3)
        ]
        pack(path, pairs)
    return PatchSource(PatchStore(path), 16, ("flip", "rotate", "noise"))


MEMBERS = ("blurry", "target")

TRAINING = """
import sys
from pathlib import Path
from defocus.benchmark.study.fit import train
from defocus.training.devices import best_device
from tests.training.test_feeding import Plain, fifty, source

folder = Path(sys.argv[1])
train(fifty(int(sys.argv[2])), Plain, source(folder / ".." / "pairs.h5"), folder, best_device())
"""


def weights_of(folder: Path) -> bytes:
    return (folder / CHECKPOINT).read_bytes()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """A training that makes its batches itself."""
    folder = tmp_path_factory.mktemp("fed") / "alone"
    folder.mkdir()
    train(fifty(0), Plain, source(folder.parent / "pairs.h5"), folder, CPU)
    return folder


def started(folder: Path, workers: int) -> StartedCommand:
    folder.mkdir(exist_ok=True)
    return start_code(
        TRAINING, folder, str(workers), own_group=True, **{MARK: folder.name}
    )


def left(folder: Path) -> list[int]:
    """Processes that a training has started."""
    mark = f"{MARK}={folder.name}\0".encode()
    files = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                files.append(int(process.name))
        except OSError:
            continue
    return files


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_ended_in_between_it_comes_to_the_same_weights_and_leaves_no_process(
    expected, name
):
    folder = expected.parent / name
    process = started(folder, 3)
    wait_until((folder / CHECKPOINT).exists)
    if name == "SIGKILL":
        os.kill(process.pid, signal.SIGKILL)
    else:
        os.killpg(process.pid, getattr(signal, name))
    said = process.communicate()
    steps = steps_done(folder)
    assert 0 < steps[0] < 50, said
    assert name == "SIGKILL" or "stopped and saved at step" in said[1]
    wait_until(lambda: not left(folder))
    train(fifty(3), Plain, source(expected.parent / "pairs.h5"), folder, CPU)
    assert weights_of(folder) == weights_of(expected)


@pytest.mark.full
def test_each_process_of_a_training_makes_its_own_part(expected):
    folder = expected.parent / "two"
    folder.mkdir()
    code = TRAINING.replace("int(sys.argv[2])", "1")
    for process in started_by_torchrun(code, folder):
        said = process.communicate()
        assert process.returncode == 0, said
    from tests.benchmark.test_train import tensors_of

    one, two = tensors_of(expected), tensors_of(folder)
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-5)


def killed_at(last: int, step: int) -> Points:
    if step == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return points(step)


def damaged_at(last: int, step: int) -> Points:
    if step == last:
        raise DatasetError("pairs.h5: pair 'a' cannot be read")
    return points(step)


@pytest.mark.full
def test_a_killed_process_is_one_line_with_the_step(tmp_path):
    def batches(first: int, feeder: Feeder) -> Iterator[Points]:
        return feeder.ahead(partial(killed_at, 4), range(first, STEPS))

    method = job().method
    method = method.model_copy(
        update={"training": method.training.model_copy(update={"workers": 1})}
    )
    with pytest.raises(InterruptedWorkError) as caught:
        train_job(replace(job(method=method), batches=batches), tmp_path, CPU)
    # of what it made before, something may not have been sent yet
    line = r"line: at step [0-4] of 12: a process that makes batches has ended \(SIGKILL\), perhaps"
    assert re.match(line, str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.full
def test_an_error_of_making_is_raised_where_its_batch_would_have_come(refused):
    with feeding(2, Ranks(), CPU) as feeder:
        batches = feeder.ahead(partial(damaged_at, 3), range(9))
        assert [float(next(batches).x[0, 0]) for _ in range(3)] == [
            float(points(step).x[0, 0]) for step in range(3)
        ]
        with refused(DatasetError):
            next(batches)
    assert feeder.cpu_seconds > 0


def unsendable(step: int) -> Batch:
    pictures = torch.zeros(1, 3, 8, 8)
    return Batch(pictures, pictures, MappingProxyType({}))


@pytest.mark.full
def test_what_cannot_be_sent_is_an_error_and_nothing_is_waited_for():
    with feeding(1, Ranks(), CPU) as feeder:
        batches = feeder.ahead(unsendable, range(3))
        with pytest.raises(TypeError, match="pickle"):
            next(batches)
        assert (
            pickle.loads(pickle.dumps(Batch(torch.ones(1), torch.ones(1)))).extra == {}  # noqa: S301 - our own
        )


def unsendable_later(key: int) -> object:
    return unsendable(key) if key else key


@pytest.mark.full
@pytest.mark.timeout(60)
def test_what_cannot_be_sent_any_more_ends_the_process_and_is_not_waited_for(refused):
    """As where /dev/shm is full."""
    with feeding(1, Ranks(), CPU) as feeder:
        batches = feeder.ahead(unsendable_later, range(3))
        assert next(batches) == 0
        with refused(MakerDiedError):
            next(batches)


def test_without_processes_things_are_made_when_they_are_asked_for():
    asked: list[int] = []
    with feeding(0, Ranks(), CPU) as feeder:
        batches = feeder.ahead(asked.append, range(5))
        next(batches)
        next(batches)
    assert asked == [0, 1]
    assert issubclass(MakerDiedError, InterruptedWorkError)


def test_what_this_process_makes_for_a_gpu_is_pinned_too():
    pinnable = SimpleNamespace(pin_memory=lambda: "pinned")
    for device, expected in (("cuda", "pinned"), ("cpu", pinnable)):
        with feeding(0, Ranks(), torch.device(device)) as feeder:
            assert [*feeder.ahead(lambda _: pinnable, [0])] == [expected]
            assert feeder.pinned(1) == 1
    there = Points(torch.empty(2, 2, device="meta"), torch.empty(2, 1, device="meta"))
    with feeding(0, Ranks(), torch.device("cuda")) as feeder:
        kept = feeder.pinned(there)  # as of pairs that are kept on the GPU
    assert kept.x is there.x
    assert kept.y is there.y


def test_the_number_of_processes_is_recorded_and_identifies_nothing():
    assert fifty(0).facts() == fifty(3).facts()
    asked = StudyDocument().with_workers(3)
    assert not asked.deciding
    assert asked.model_dump(exclude_unset=True) == {"training": {"workers": 3}}
