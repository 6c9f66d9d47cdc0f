"""Trainings that start from given weights instead of random ones."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from defocus.baselines.registry import baseline
from defocus.baselines.weights.shipping import ship_weights
from defocus.baselines.weights.store import StoredWeights, find_weights
from defocus.benchmark.study.fit import train
from defocus.benchmark.study.plan import Run, plan_runs
from defocus.datasets.pair import Dataset
from defocus.errors import InputError, WeightsError
from defocus.storage.files import sha256_file
from defocus.training.record.folder import CHECKPOINT, TRAINING
from tests.benchmark.test_train import (
    CPU,
    RECIPE,
    SCHEDULE,
    Loss,
    Net,
    Patches,
    make_run,
    tensors_of,
)

DATASET = Dataset("made", Path("made"), (), "0" * 64, Path("derived"))


@pytest.fixture
def begun():
    """Weights that lie in the cache."""
    torch.manual_seed(99)
    state = Net().state_dict()
    weights = StoredWeights(
        "net", "begun", "trained", ("a",), "", "", "MIT", ("other",), ""
    )
    weights.path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, weights.path)
    return replace(weights, sha256=sha256_file(weights.path))


def started_run(begun: StoredWeights, learning_rate: float = 1e-2) -> Run:
    schedule = SCHEDULE.model_copy(update={"learning_rate": learning_rate})
    return replace(
        make_run(recipe=RECIPE.model_copy(update={"demo": schedule})), start=begun
    )


def test_it_starts_from_the_given_weights(begun, tmp_path):
    still = train(started_run(begun, 1e-12), Loss, Patches(), tmp_path, CPU).network
    given = load_file(begun.path)
    for name, weights in still.named_parameters():
        torch.testing.assert_close(weights.detach(), given[name])
    (tmp_path / "random").mkdir()
    train(make_run(), Loss, Patches(), tmp_path / "random", CPU)
    random = tensors_of(tmp_path / "random")["network.conv.weight"]
    assert not torch.allclose(random, given["conv.weight"], atol=0.05)


def test_the_start_is_part_of_what_identifies_a_training(begun):
    system = replace(make_run().baseline, recipe=lambda: RECIPE)
    other = replace(begun, sha256="f" * 64)
    plain, first, second = (
        plan_runs([system], DATASET, "paper", start=start)[0]
        for start in (None, begun, other)
    )
    assert len({plain.id, first.id, second.id}) == 3
    assert len({plain.group, first.group, second.group}) == 3
    assert [run.reported_budget for run in (plain, first)] == ["paper", "custom"]
    assert first.facts()["start"] == begun.facts()
    assert first.facts()["started_from"] == "paper"
    assert "start" not in plain.facts()


def test_damaged_weights_start_nothing(begun, tmp_path, refused):
    begun.path.write_bytes(begun.path.read_bytes()[:-1] + b"!")
    with refused(WeightsError):
        train(started_run(begun), Loss, Patches(), tmp_path, CPU)
    assert not any(tmp_path.iterdir())


def test_an_unknown_label_is_answered_with_the_shipped_weights_too(
    refused, tmp_path, monkeypatch
):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path))
    with refused(InputError):
        find_weights(baseline("defocus-s"), "nope")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """``good.safetensors`` for tiny-conv, ``wrong.safetensors``, and settings."""
    folder = tmp_path_factory.mktemp("from")
    good = {"conv.weight": torch.full((3, 3, 3, 3), 0.25), "conv.bias": torch.zeros(3)}
    save_file(good, folder / "good.safetensors")
    wrong = {"conv.weight": torch.zeros(3, 3, 5, 5), "conv.bias": torch.zeros(3)}
    save_file(wrong, folder / "wrong.safetensors")
    (folder / "s.toml").write_text("[schedule]\nsteps = 2\nlearning_rate = 1e-9\n")
    return folder


@pytest.mark.full
def test_the_commands_train_and_evaluate_from_a_file(
    bench, tiny_dataset, files, tmp_path
):
    out = tmp_path / "out"
    study = (
        "--dataset",
        f"tiny:{tiny_dataset}",
        "--out",
        out,
        "--settings",
        files / "s.toml",
    )
    start = files / "good.safetensors"
    result = bench("train", "tiny-conv", "--from", start, *study)
    assert result.returncode == 0, result.stderr
    (folder,) = out.glob("runs/tiny-conv-*")
    noted = json.loads((folder / TRAINING).read_text())
    assert noted["start"]["label"] == "good"
    trained = load_file(folder / CHECKPOINT)
    torch.testing.assert_close(
        trained["network.conv.weight"], torch.full((3, 3, 3, 3), 0.25)
    )

    result = bench("evaluate", "tiny-conv", *study)
    assert result.returncode != 0
    assert "no finished training of tiny-conv" in result.stderr
    result = bench("evaluate", "tiny-conv", "--from", start, *study)
    assert result.returncode == 0, result.stderr
    row = json.loads((folder / "run.json").read_text())
    assert row["start"] == noted["start"]
    assert (row["budget"], row["started_from"]) == ("custom", "demo")
    table = (out / "leaderboard.csv").read_text()
    assert "unknown+tiny" in table
    assert "custom" in table


def test_the_card_of_shipped_weights_names_their_start(
    bench, tiny_dataset, files, tmp_path
):
    system = baseline("defocus-s")
    start = tmp_path / "first.safetensors"
    save_file(system.build().state_dict(), start)
    settings = tmp_path / "s.toml"
    settings.write_text(
        "[schedule]\nsteps = 1\ncrop_px = 16\nbatch = 1\n[training]\nvalidations = 0\n"
    )
    study = (
        "--dataset",
        f"tiny:{tiny_dataset}",
        "--out",
        tmp_path / "out",
        "--settings",
        settings,
    )
    result = bench("train", "defocus-s", "--from", start, *study)
    assert result.returncode == 0, result.stderr
    (folder,) = tmp_path.glob("out/runs/defocus-s-*")
    card = json.loads(
        ship_weights(system, folder, tmp_path).with_suffix(".json").read_text()
    )
    noted = json.loads((folder / TRAINING).read_text())["start"]
    assert card["start_sha256"] == noted["sha256"]
    assert noted["origin"] == "official"  # nobody knows who trained a bare file
