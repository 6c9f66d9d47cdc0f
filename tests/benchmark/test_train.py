"""Training: the schedule, resuming to the bit, damaged checkpoints, losses that are none."""

import csv
import dataclasses
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from defocus.baselines.card import Baseline, Card
from defocus.baselines.objective import Batch, Objective, Progress
from defocus.baselines.objective_registry import loss
from defocus.baselines.recipe import Recipe, Schedule, Step
from defocus.benchmark.cost.trial_step import TrialStep
from defocus.benchmark.study import fit as of_runs
from defocus.benchmark.study.attempt import computing_as_trained
from defocus.benchmark.study.fit import (
    LONG_STEPS,
    NO_PICTURES,
    TrainingPictures,
    load_trained,
    train,
)
from defocus.benchmark.study.plan import Run
from defocus.benchmark.study.validation import Watch
from defocus.errors import WeightsError
from defocus.training import loop as module
from defocus.training.method import Training
from defocus.training.record.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from defocus.training.record.folder import CHECKPOINT, CURVE, training_finished

CPU = torch.device("cpu")
SCHEDULE = Schedule(steps=9, crop_px=16, batch=2, learning_rate=1e-2)
RECIPE = Recipe(
    epochs=6,
    warmup_epochs=2,
    decay=Step(every=2),
    paper=SCHEDULE,
    quick=SCHEDULE,
    demo=SCHEDULE,
)


class Net(nn.Module):
    """Convolution, batch statistics and dropout: state of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.dropout = nn.Dropout(0.3)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        restored: torch.Tensor = self.dropout(self.norm(self.conv(blurry)))
        return restored


class Loss(Objective):
    """A loss with a parameter of its own, a frozen one, and random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)
        self.seen: list[Progress] = []

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]]:
        self.seen.append(progress)
        noise = torch.rand_like(batch.target) * 0.01
        distance = (
            (self.scale * network(batch.blurry) + noise - batch.target).abs().mean()
        )
        parts = {} if progress.in_warmup else {"distance": float(distance.detach())}
        return distance + 0.1 * (self.scale**2).sum(), parts


class Patches:
    """Random crops, deterministic in (seed, step); interrupted at a step where asked."""

    def __init__(
        self,
        stop_at: int | None = None,
        begun: Callable[[int], object] = lambda step: None,
    ) -> None:
        self.stop_at = stop_at
        self.begun = begun
        self.asked: list[int] = []
        self.sizes: list[tuple[int, int | None]] = []

    def batch(
        self,
        step: int,
        size: int,
        seed: int,
        crop_px: int | None = None,
        *,
        places: slice = slice(None),
    ) -> Batch:
        if step == self.stop_at:
            raise KeyboardInterrupt
        self.begun(step)
        self.asked.append(step)
        self.sizes.append((size, crop_px))
        side = crop_px or 16
        generator = torch.Generator().manual_seed(1000 * seed + step)
        pictures = torch.rand(2, size, 3, side, side, generator=generator)
        return Batch(pictures[0][places], pictures[1][places])


def make_run(seed: int = 0, recipe: Recipe = RECIPE) -> Run:
    card = Card("net", "Net", "network", "single", "paper", "", "", "")
    return Run("net-01234567", "group", Baseline(card, Net), recipe, "demo", seed)


def recipe_with(training: Training) -> Recipe:
    return RECIPE.model_copy(update={"training": training})


@pytest.fixture
def every_step(monkeypatch):
    """A checkpoint after every step."""
    monkeypatch.setattr(module, "MINUTE_SECONDS", 0.0)


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(folder / CHECKPOINT, "net-01234567").tensors)


def curve_of(folder: Path) -> list[dict[str, str]]:
    with (folder / CURVE).open(newline="") as handle:
        return [
            {k: v for k, v in row.items() if not k.endswith("seconds")}
            for row in csv.DictReader(handle)
        ]


def resumed(
    folder: Path,
    run: Run,
    make: Callable[[], Objective] = Loss,
    stop_at: int = 5,
    watches: Mapping[str, Watch] = NO_PICTURES.watches,
) -> tuple[Path, Path]:
    """Folders of an undisturbed training and of a resumed one, which are equal to the bit."""
    whole, parts = folder / "whole", folder / "parts"
    for place, stop in ((whole, None), (parts, stop_at), (parts, None)):
        place.mkdir(exist_ok=True)
        patches = Patches(stop)
        with pytest.raises(KeyboardInterrupt) if stop else nullcontext():
            train(run, make, patches, place, CPU, TrainingPictures(watches=watches))
        assert training_finished(place) != bool(stop)
        torch.rand(17)  # whatever another process did with its random numbers
    assert patches.asked[0] == stop_at
    expected, part_tensors = tensors_of(whole), tensors_of(parts)
    assert expected.keys() == part_tensors.keys()
    assert all(
        torch.equal(tensor, part_tensors[name]) for name, tensor in expected.items()
    )
    return whole, parts


@pytest.mark.parametrize("stop_at", [1, 4, 8])
def test_a_resumed_training_equals_the_undisturbed_one_to_the_bit(
    tmp_path, every_step, stop_at
):
    whole, parts = resumed(tmp_path, make_run(), stop_at=stop_at)
    assert curve_of(whole) == curve_of(parts)
    assert (whole / CHECKPOINT).read_bytes() == (parts / CHECKPOINT).read_bytes()
    loaded = load_trained(make_run(), parts).network.state_dict()
    expected = tensors_of(whole)
    assert all(
        torch.equal(expected[f"network.{name}"], loaded[name]) for name in loaded
    )


def test_other_seeds_give_other_weights(tmp_path):
    weights = []
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        folder.mkdir()
        train(make_run(seed), Loss, Patches(), folder, CPU)
        weights.append(tensors_of(folder)["network.conv.weight"])
    assert not torch.equal(*weights)


def test_the_last_checkpoint_drops_the_optimiser_and_keeps_the_objective(
    tmp_path, every_step
):
    with pytest.raises(KeyboardInterrupt):
        train(make_run(), Loss, Patches(5), tmp_path, CPU)
    assert any(name.startswith("optimiser.") for name in tensors_of(tmp_path))
    train(make_run(), Loss, Patches(), tmp_path, CPU)
    prefixes = {name.split(".")[0] for name in tensors_of(tmp_path)}
    assert prefixes == {"network", "objective"}


def test_a_training_and_its_evaluation_choose_alike_on_a_gpu(tmp_path):
    def chosen() -> tuple[bool, bool, bool]:
        cudnn = torch.backends.cudnn
        return cudnn.benchmark, cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32

    seen = set()

    class Asking(Loss):
        def forward(self, network, batch, progress):
            seen.add(chosen())
            return super().forward(network, batch, progress)

    before = chosen()
    run = make_run(recipe=recipe_with(Training(tf32="all", cudnn="fastest")))
    train(run, Asking, Patches(), tmp_path, CPU)
    assert seen == {(True, True, True)}
    assert chosen() == before
    with computing_as_trained(run):
        assert chosen() == (True, True, True)
    with computing_as_trained(make_run(recipe=recipe_with(Training(tf32="none")))):
        assert chosen() == (False, False, False)
    with computing_as_trained(make_run()):
        assert chosen() == (False, True, False), (
            "PyTorch's own, and what trainings had before"
        )
    assert chosen() == before
    with pytest.raises(ValueError, match="deterministic goes with"):
        Training(deterministic=True, cudnn="fastest")


def test_parameters_that_are_frozen_stay(tmp_path):
    train(make_run(), Loss, Patches(), tmp_path, CPU)
    tensors = tensors_of(tmp_path)
    assert tensors["objective.frozen"].item() == 1.0
    assert tensors["objective.scale"].item() != 1.0


def test_other_budgets_stretch_the_schedule_of_epochs(tmp_path):
    objective = Loss()
    train(make_run(), lambda: objective, Patches(), tmp_path, CPU)
    seen = objective.seen[1:]  # the first is the probe's
    assert [progress.step for progress in seen] == list(range(9))
    assert [p.epoch for p in seen] == pytest.approx([6 * k / 9 for k in range(9)])
    assert [p.in_warmup for p in seen] == [True] * 3 + [False] * 6
    rates = [float(row["learning_rate"]) for row in curve_of(tmp_path)]
    assert rates == pytest.approx([1e-2] * 3 + [5e-3] * 3 + [2.5e-3] * 3)
    assert [row["distance"] == "" for row in curve_of(tmp_path)] == [True] * 3 + [
        False
    ] * 6


def test_the_paper_s_training_does_not_start_without_a_backbone_of_its_loss(
    tmp_path, monkeypatch, refused
):
    def objective() -> Loss:
        loss("perceptual")
        return Loss()

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    demo = make_run()
    paper = dataclasses.replace(demo, budget="paper")
    with refused(WeightsError):
        train(paper, objective, Patches(), tmp_path, CPU)
    assert not any(tmp_path.iterdir())
    train(demo, objective, Patches(), tmp_path, CPU)


def test_a_schedule_without_steps_counts_epochs(tmp_path):
    recipe = RECIPE.model_copy(
        update={"demo": SCHEDULE.model_copy(update={"steps": None})}
    )
    patches = Patches()
    train(
        make_run(recipe=recipe),
        Loss,
        patches,
        tmp_path,
        CPU,
        TrainingPictures(epoch_crops=3),
    )
    assert patches.asked == list(range(6 * 2))  # 6 epochs of 3 crops, 2 a step


@pytest.mark.parametrize("steps", [LONG_STEPS - 1, LONG_STEPS])
def test_a_long_training_says_its_hours_on_a_processor_before_the_first_step(
    tmp_path, monkeypatch, capsys, steps
):
    # the first one is slow, as is one on a busy machine
    trials = iter([9.0, 2.0, *[3.0] * 9])
    monkeypatch.setattr(of_runs, "try_run", lambda *given: TrialStep(next(trials), 0))
    schedule = Schedule(steps=steps, crop_px=16, batch=4, learning_rate=1e-2)
    alone = Training(workers=0)
    run = make_run(
        recipe=RECIPE.model_copy(update={"demo": schedule, "training": alone})
    )
    with pytest.raises(KeyboardInterrupt):
        train(run, Loss, Patches(stop_at=0), tmp_path, CPU)
    lines = [line for line in capsys.readouterr().err.splitlines() if "hour" in line]
    long = "net-01234567: its 1,000 steps will take about 1 hour on this processor"
    assert lines == ([long] if steps == LONG_STEPS else [])


def damaged(content: bytes, kind: str, place: float) -> bytes:
    at = int(place * (len(content) - 1))
    if kind == "cut":
        return content[:at]
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


@pytest.fixture(scope="module")
def good_checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / CHECKPOINT
    tensors = {
        "network.w": torch.arange(12.0).reshape(3, 4),
        "network.n": torch.tensor(3),
    }
    save_checkpoint(path, Checkpoint("net-01234567", 4, 9, tensors, "0.1.0"))
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(kind=st.sampled_from(["cut", "flip"]), place=st.floats(0, 1))
def test_any_flipped_bit_and_any_cut_is_detected(good_checkpoint, kind, place):
    path = good_checkpoint.with_name("bad.safetensors")
    path.write_bytes(damaged(good_checkpoint.read_bytes(), kind, place))
    with pytest.raises(WeightsError, match=r"bad\.safetensors"):
        load_checkpoint(path, "net-01234567")


def test_a_checkpoint_comes_back_as_it_was(good_checkpoint, refused):
    checkpoint = load_checkpoint(good_checkpoint, "net-01234567")
    assert (checkpoint.step, checkpoint.steps) == (4, 9)
    assert torch.equal(
        checkpoint.tensors["network.w"], torch.arange(12.0).reshape(3, 4)
    )
    with refused(WeightsError):
        load_checkpoint(good_checkpoint, "net-76543210")


@pytest.mark.parametrize("fault", ["flip", "other network", "other steps"])
def test_an_unusable_checkpoint_is_set_aside_and_the_training_starts_anew(
    tmp_path, every_step, capsys, fault
):
    expected = tmp_path / "expected"
    expected.mkdir()
    train(make_run(), Loss, Patches(), expected, CPU)
    with pytest.raises(KeyboardInterrupt):
        train(make_run(), Loss, Patches(5), tmp_path, CPU)
    path = tmp_path / CHECKPOINT
    if fault == "flip":
        path.write_bytes(damaged(path.read_bytes(), "flip", 0.9))
    else:
        name = "network.w" if fault == "other network" else "network.conv.weight"
        steps = 9 if fault == "other network" else 8
        save_checkpoint(
            path, Checkpoint("net-01234567", 5, steps, {name: torch.ones(1)}, "0.1.0")
        )
    content = path.read_bytes()
    patches = Patches()
    train(make_run(), Loss, patches, tmp_path, CPU)
    assert patches.asked == list(range(9))
    assert path.with_name(CHECKPOINT + ".damaged").read_bytes() == content
    said = capsys.readouterr().err
    assert str(path) in said
    assert "renamed to" in said
    for name, tensor in tensors_of(expected).items():
        assert torch.equal(tensor, tensors_of(tmp_path)[name]), name


def test_a_training_that_is_not_finished_cannot_be_evaluated(
    tmp_path, every_step, refused
):
    with pytest.raises(KeyboardInterrupt):
        train(make_run(), partial(Loss), Patches(5), tmp_path, CPU)
    with refused(WeightsError):
        load_trained(make_run(), tmp_path)
