"""The machinery of a training: each part of it resumes to the bit and does what it says."""

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from torch import nn

from defocus.baselines.objectives.supervised import SupervisedObjective
from defocus.benchmark.cost import trial_step as probe
from defocus.benchmark.cost.trial_step import probe_memory
from defocus.benchmark.study.fit import Trained, TrainingPictures, train
from defocus.benchmark.study.validation import Watch, watching_of
from defocus.errors import InterruptedWorkError, TrainingError
from defocus.training import loop as module
from defocus.training.method import Training
from defocus.training.optimiser import Optimiser
from defocus.training.record.folder import CHECKPOINT, VALIDATION
from defocus.training.steps.averaging import evaluated, make_average, update
from defocus.training.steps.optimisers import autocast, has_bfloat16, make_optimisers
from tests.benchmark.test_train import (
    CPU,
    RECIPE,
    Batch,
    Loss,
    Net,
    Patches,
    make_run,
    resumed,
)

NONE: Mapping[str, Watch] = MappingProxyType({})


def trained(
    folder: Path,
    training: Training,
    patches: Patches | None = None,
    watches: Mapping[str, Watch] = NONE,
) -> Trained:
    folder.mkdir(exist_ok=True)
    run = make_run(recipe=RECIPE.model_copy(update={"training": training}))
    return train(
        run, Loss, patches or Patches(), folder, CPU, TrainingPictures(watches=watches)
    )


def size_of(network: nn.Module) -> float:
    return -float(
        sum(parameter.detach().abs().sum() for parameter in network.parameters())
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"training": Training(precision="bfloat16", channels_last=True, deterministic=True)},
        pytest.param({"training": Training(average=0.8, accumulate=2, validations=3,
                      select="validation", tensorboard=True)}, marks=pytest.mark.full),
        {"averaged_from_epoch": 4.0},
    ],
    ids=["arithmetic", "averages", "mean of the last"],
)  # fmt: skip
def test_it_resumes_to_the_bit(tmp_path, monkeypatch, changes):
    monkeypatch.setattr(module, "MINUTE_SECONDS", 0.0)
    run = make_run(recipe=RECIPE.model_copy(update=changes))
    stop_at = 8 if "averaged_from_epoch" in changes else 5
    whole, parts = resumed(
        tmp_path, run, stop_at=stop_at, watches={"validation": Watch(size_of)}
    )
    names = {path.name for path in whole.iterdir()}
    assert names == {path.name for path in parts.iterdir()}
    if run.recipe is not None and run.recipe.training.validations:
        assert (whole / VALIDATION).read_bytes() == (parts / VALIDATION).read_bytes()
        assert "tensorboard" in names
        assert "best.safetensors" not in names


def test_the_best_validation_is_what_is_evaluated(tmp_path):
    """Scores go up and down again; the weights are those of the highest."""
    states: list[dict[str, torch.Tensor]] = []

    def watch(network: nn.Module) -> float:
        states.append({name: t.clone() for name, t in network.state_dict().items()})
        return [1.0, 5.0, 2.0][len(states) - 1]

    training = Training(validations=3, select="validation")
    network = trained(tmp_path, training, watches={"validation": Watch(watch)}).network
    assert all(
        torch.equal(t, states[1][name]) for name, t in network.state_dict().items()
    )
    assert any(
        not torch.equal(t, states[2][name]) for name, t in network.state_dict().items()
    )


def test_choosing_on_test_pictures_is_reported_and_not_done(tmp_path, capsys):
    scores = {
        "validation": iter([3.0, 9.0, 4.0] + 7 * [1.0]),
        "test": iter([30.0, 31.0, 33.0] + 7 * [32.0]),
    }
    watches = {
        split: Watch(lambda _, values=values: next(values))
        for split, values in scores.items()
    }
    plain = trained(tmp_path / "plain", Training()).network
    recipe = RECIPE.model_copy(
        update={"training": Training(select="official", validations=9)}
    )
    run = make_run(recipe=recipe)
    official = train(
        run, Loss, Patches(), tmp_path, CPU, TrainingPictures(watches=watches)
    ).network
    document = json.loads((tmp_path / "selection.json").read_text())
    assert document == {
        "last": 32.0, "best_on_validation": 31.0, "best_on_test": 33.0, "optimism_db": 2.0,
    }  # fmt: skip
    assert "flatters by 2.00 dB" in capsys.readouterr().err
    assert all(
        map(torch.equal, plain.state_dict().values(), official.state_dict().values())
    )


def test_parts_of_a_batch_add_up_to_the_batch():
    pictures = torch.rand(2, 5, 3, 8, 8)
    batch = Batch(pictures[0], pictures[1], {"dual_pixel": pictures[0]})
    parts = batch.parts(3)
    assert [len(part.blurry) for part in parts] == [1, 2, 2]
    assert torch.equal(
        torch.cat([part.extra["dual_pixel"] for part in parts]), pictures[0]
    )
    assert len(batch.parts(9)) == 5


@pytest.mark.parametrize(
    ("name", "at"),
    [("SIGTERM", 3), ("SIGHUP", 3), ("SIGUSR2", 3), ("SIGINT", 3), ("SIGTERM", 8)],
)
def test_told_to_stop_it_saves_its_state_and_goes_on_later(tmp_path, name, at, refused):
    number = getattr(signal, name)
    stopping = Patches(begun=lambda step: step == at and os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    with refused(InterruptedWorkError):
        trained(tmp_path, Training(), stopping)
    assert signal.getsignal(number) is before
    assert (tmp_path / CHECKPOINT).exists()
    patches = Patches()
    trained(tmp_path, Training(), patches)
    assert patches.asked == list(range(at + 1, 9))


def test_a_batch_without_room_is_refused_with_what_fits(monkeypatch):
    schedule = RECIPE.demo.model_copy(update={"batch": 64, "crop_px": 64})
    run = make_run(recipe=RECIPE.model_copy(update={"demo": schedule}))
    network, objective = Net().train(), Loss().train()
    state = {name: t.clone() for name, t in network.state_dict().items()}
    probe_memory(run, network, objective, CPU, 1)
    assert all(torch.equal(t, state[name]) for name, t in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    monkeypatch.setattr(probe, "available_bytes", lambda _: 4 * 2**20)
    with pytest.raises(TrainingError, match="set accumulate = ") as caught:
        probe_memory(run, network, objective, CPU, 1)
    parts = int(str(caught.value).split("accumulate = ")[1].split()[0])
    less = Training(accumulate=parts)
    run = make_run(
        recipe=RECIPE.model_copy(update={"demo": schedule, "training": less})
    )
    probe_memory(run, network, objective, CPU, 1)
    monkeypatch.setattr(probe, "available_bytes", lambda _: 1000)
    with pytest.raises(TrainingError, match=r" 0\.0 GiB are free.* smaller crop_px"):
        probe_memory(run, network, objective, CPU, 1)


class Gate(nn.Module):
    """Batch statistics behind a global pool, which torch refuses to train with one crop."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        )
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = blurry + self.conv(blurry) * self.gate(blurry)
        return changed


def test_two_crops_are_tried_as_batch_statistics_behind_a_pool_need_them():
    run = make_run(recipe=RECIPE)
    assert run.schedule.batch > 1
    probe_memory(run, Gate().train(), Loss().train(), CPU, 1)


@pytest.mark.parametrize(
    ("times", "steps", "due"), [(3, 9, [3, 6, 9]), (2, 5, [3, 5]), (0, 5, [])]
)
def test_scores_are_taken_evenly_and_at_the_end(times, steps, due):
    watches = {"validation": Watch(size_of)}
    assert sorted(watching_of(Training(validations=times), watches, steps).due) == due


def test_what_a_score_is_above_the_inputs_is_written(tmp_path):
    asked: list[int] = []

    def of_input() -> float:
        asked.append(1)
        return 20.0

    scores = iter([21.5, 19.0])
    watches = {"validation": Watch(lambda _: next(scores), of_input)}
    trained(tmp_path, Training(validations=2), watches=watches)
    lines = (tmp_path / "validation.csv").read_text().splitlines()
    assert lines[0] == "step,validation,validation_gain"
    assert [line.split(",")[1:] for line in lines[1:]] == [
        ["21.5", "1.5"],
        ["19.0", "-1.0"],
    ]
    assert len(asked) == 1


def test_a_mean_with_warm_up_forgets_the_first_steps():
    recipe = RECIPE.model_copy(
        update={"training": Training(average=0.999, average_warmup=True)}
    )
    network = nn.Linear(1, 1, bias=False)
    average = make_average(recipe, network)
    expected = 0.0
    for step, weight in enumerate([3.0, 5.0, 4.0, 7.0]):
        nn.init.constant_(network.weight, weight)
        update(average, recipe, network, 0.0)
        decay = min(0.999, (1 + step) / (10 + step)) if step else 0.0
        expected = decay * expected + (1 - decay) * weight
    mean_weight = evaluated(average, network).get_parameter("weight").detach()
    assert float(mean_weight) == pytest.approx(expected)


def test_only_matrices_decay_where_the_recipe_says_so():
    network = nn.Linear(2, 2)
    settings = Optimiser(name="adamw", weight_decay=0.1, decayed="matrices")
    recipe = RECIPE.model_copy(update={"optimiser": settings, "adversary": None})
    optimisers = make_optimisers(recipe, network, SupervisedObjective([]))
    before = {name: t.clone() for name, t in network.state_dict().items()}
    for group in optimisers.network.param_groups:
        group["lr"] = 0.5
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimisers.network.step()
    torch.testing.assert_close(
        network.weight.detach(), before["weight"] * (1 - 0.5 * 0.1)
    )
    assert torch.equal(network.bias.detach(), before["bias"])


def test_auto_is_bfloat16_where_the_processor_has_it(monkeypatch):
    for flags, expected in (({"avx512_bf16": True}, True), ({"avx512_f": True}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda flags=flags: flags)
        assert has_bfloat16(CPU) is expected
        with autocast(CPU, "auto"):
            assert torch.is_autocast_enabled("cpu") is expected
