"""The loop alone: it trains what is neither a picture nor of a study."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from defocus.errors import InterruptedWorkError, TrainingError
from defocus.training import loop
from defocus.training.feeding import Feeder
from defocus.training.learning_rate import Cosine
from defocus.training.loop import Job, train
from defocus.training.method import Method, Training
from defocus.training.objective import Parts, Progress, TrainingBatch, TrainingObjective
from defocus.training.record.checkpoint import load_checkpoint, trained_by
from defocus.training.record.curve_files import read_curve
from defocus.training.record.curves import Watching
from defocus.training.record.folder import (
    CHECKPOINT,
    CURVE,
    VALIDATION,
    code_of,
    steps_done,
    training_of,
)
from defocus.training.record.tensorboard import Tracker
from defocus.training.stopping import stop_asked

CPU = torch.device("cpu")
STEPS = 12
METHOD = Method(
    epochs=STEPS,
    decay=Cosine(warmup_epochs=3),
    training=Training(average=0.9, channels_last=True, accumulate=2),
)


@dataclass(frozen=True)
class Points(TrainingBatch):
    """Numbers and what they are to become."""

    x: torch.Tensor
    y: torch.Tensor

    @property
    def inputs(self) -> torch.Tensor:
        return self.x

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Points":
        return Points(change(self.x), change(self.y))


class Squared(TrainingObjective[Points]):
    def forward(
        self, network: nn.Module, batch: Points, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]]:
        loss = (network(batch.x) - batch.y).square().mean()
        return loss, {"root": float(loss.detach().sqrt())}


def points(step: int) -> Points:
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(step))
    return Points(x, x @ torch.tensor([[2.0], [-1.0]]))


def batches(stop_at: int | None, first: int, feeder: Feeder) -> Iterator[Points]:
    for step in range(first, STEPS):
        if step == stop_at:
            raise KeyboardInterrupt
        yield points(step)


def job(
    stop_at: int | None = None, method: Method = METHOD, code: str = "0.1.0"
) -> Job[Points]:
    def error(network: nn.Module) -> dict[str, float]:
        weights = network.get_parameter("weight").detach()
        return {"error": float((weights - torch.tensor([[2.0, -1.0]])).abs().sum())}

    return Job(
        id="line",
        seed=3,
        method=method,
        learning_rate=0.2,
        steps=STEPS,
        make_network=partial(nn.Linear, 2, 1),
        make_objective=Squared,
        batches=partial(batches, stop_at),
        code=code,
        watching=Watching(error, frozenset({4, 8, STEPS}), described=str),
    )


def test_it_learns_and_leaves_its_record(tmp_path, capsys):
    train(job(), tmp_path, CPU)
    assert "line: step 4 of 12, {'error': " in capsys.readouterr().err
    assert (training_of(tmp_path), steps_done(tmp_path)) == ("line", (STEPS, STEPS))
    curve = read_curve(tmp_path / CURVE, STEPS)
    assert [int(row["step"]) for row in curve] == list(range(1, STEPS + 1))
    assert float(curve[-1]["root"]) < 0.3 * float(curve[0]["root"])
    assert [float(row["learning_rate"]) for row in curve[:4]] == pytest.approx(
        [0, 0.2 / 3, 0.4 / 3, 0.2], rel=1e-2
    )
    rows = read_curve(tmp_path / VALIDATION, STEPS)
    assert [int(row["step"]) for row in rows] == [4, 8, STEPS]
    assert float(rows[-1]["error"]) < float(rows[0]["error"])


def test_a_compiled_network_is_called_in_each_step_and_the_plain_one_is_kept(
    tmp_path, monkeypatch
):
    calls: list[nn.Module] = []

    class Compiled(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(self.network)
            given: torch.Tensor = self.network(x)
            return given

    monkeypatch.setattr(torch, "compile", Compiled)
    (tmp_path / "plain").mkdir()
    plain = train(job(), tmp_path / "plain", CPU).network
    assert not calls
    compiled = METHOD.training.model_copy(update={"compile": True})
    model = train(
        job(method=METHOD.model_copy(update={"training": compiled})), tmp_path, CPU
    )
    assert len(calls) == 2 * STEPS  # each batch has two parts
    assert isinstance(model.network, nn.Linear)
    assert torch.equal(model.network.weight, plain.get_parameter("weight"))


@pytest.mark.parametrize(("stop_at", "kept"), [(3, None), (6, 4), (11, 8)])
def test_stopped_after_a_validation_it_goes_on_from_there_to_the_bit(
    tmp_path, stop_at, kept
):
    """The state is saved with each validation, however short the time between them."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    train(job(), whole, CPU)
    with pytest.raises(KeyboardInterrupt):
        train(job(stop_at), parts, CPU)
    assert steps_done(parts) == (kept and (kept, STEPS))
    train(job(), parts, CPU)
    assert (whole / CHECKPOINT).read_bytes() == (parts / CHECKPOINT).read_bytes()
    assert (whole / VALIDATION).read_bytes() == (parts / VALIDATION).read_bytes()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_after_the_last_step_is_obeyed_once_the_end_is_saved(
    tmp_path, monkeypatch, name, refused
):
    opened = loop.open_tracker

    @contextlib.contextmanager
    def signalling(folder: Path | None, step: int) -> Iterator[Tracker]:
        with opened(folder, step) as tracker:
            yield tracker
        os.kill(os.getpid(), getattr(signal, name))

    monkeypatch.setattr(loop, "open_tracker", signalling)
    with refused(InterruptedWorkError):
        train(job(), tmp_path, CPU)
    assert steps_done(tmp_path) == (STEPS, STEPS)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_nobody_looks_for_ends_the_work_all_the_same(
    capfd, name, refused
):
    calls = []

    def work() -> None:
        with stop_asked("soon"):
            os.kill(os.getpid(), getattr(signal, name))
            calls.append(name)

    with refused(InterruptedWorkError):
        work()
    assert calls == [name]
    assert capfd.readouterr().err == ("\nsoon\n" if name == "SIGINT" else "")


def test_an_error_of_the_work_itself_is_what_is_told():
    def work() -> None:
        with stop_asked("soon"):
            os.kill(os.getpid(), signal.SIGTERM)
            raise MemoryError

    with pytest.raises(MemoryError):
        work()


def test_each_version_that_trained_is_named(tmp_path):
    for stop_at, code in ((6, "0.1.0"), (7, "0.2.0"), (10, "0.2.0"), (None, "0.3.0")):
        try:
            train(job(stop_at, code=code), tmp_path, CPU)
        except KeyboardInterrupt:
            continue
    assert code_of(tmp_path) == "0.1.0, 0.2.0, 0.3.0"
    assert trained_by("0.1.0, 0.2.0", "0.2.0") == "0.1.0, 0.2.0"


def test_the_mean_is_in_the_checkpoint_until_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "MINUTE_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train(job(7), tmp_path, CPU)
    stored = load_checkpoint(tmp_path / CHECKPOINT, "line")
    assert int(stored.part("average")["n_averaged"]) == 7
    mean = train(job(), tmp_path, CPU).network
    assert load_checkpoint(tmp_path / CHECKPOINT, "line").part("average") == {}
    last = train(
        job(method=METHOD.model_copy(update={"training": Training()})), tmp_path, CPU
    )
    # a finished training is not touched
    assert torch.equal(last.network.weight, mean.weight)


def test_what_cannot_work_here_is_refused_before_the_first_step(tmp_path, refused):
    def refuse(
        network: nn.Module, objective: TrainingObjective[Points], world: int
    ) -> None:
        raise MemoryError(f"{type(objective).__name__} in {world} process")

    with refused(MemoryError):
        train(replace(job(), check=refuse), tmp_path, CPU)
    assert not any(tmp_path.iterdir())


class Watched(torch.Tensor):
    """Counts what would make a step wait for the device."""

    readings = 0

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        waits = {"item", "tolist", "numpy", "cpu", "__float__", "__bool__", "__int__"}
        Watched.readings += func.__name__ in waits
        return super().__torch_function__(func, types, args, kwargs)


class Exploding(Squared):
    """Its loss is not finite at one step."""

    def forward(
        self, network: nn.Module, batch: Points, progress: Progress
    ) -> tuple[torch.Tensor, Parts]:
        loss, _ = super().forward(network, batch, progress)
        loss = loss.as_subclass(Watched)
        return loss * (float("inf") if progress.step == 6 else 1.0), {
            "root": loss.detach().sqrt()
        }


def test_losses_are_read_with_the_lines_of_the_curve_and_name_their_step(
    tmp_path, monkeypatch, refused
):
    monkeypatch.setattr(loop, "LOGGED_ROWS", 3)
    monkeypatch.setattr(Watched, "readings", 0)
    unwatched = replace(job(), make_objective=Exploding, watching=Watching())
    with refused(TrainingError):
        train(unwatched, tmp_path, CPU)
    assert Watched.readings == 3  # with the lines of steps 1, 5 and 9
    assert not (tmp_path / CHECKPOINT).exists()
