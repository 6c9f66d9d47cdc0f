"""Trainings of narrow copies: the budget demo's, and those of their start weights."""

import json

import pytest
import torch

from defocus.baselines.registry import baseline
from defocus.baselines.weights import own as module
from defocus.baselines.weights.own import find_narrow_weights, narrow_card, narrow_file
from defocus.baselines.weights.store import add_weights
from defocus.benchmark.evaluation.restore import restore_picture
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.study.attempt import train_run
from defocus.benchmark.study.plan import Study, plan_runs
from defocus.datasets.api import open_dataset
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import Photographs
from defocus.errors import InputError, WeightsError
from defocus.extras.charts.own_lens.patch_bank import PatchBank
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float
from defocus.training.record.folder import CHECKPOINT, TRAINING
from research import start_weights as training
from research.start_weights import narrow_systems, ship_narrow, train_narrow
from tests.golden.trainings import planned

SYSTEM = "nafnet"
MINUTES = 0.002


@pytest.fixture(scope="module")
def bank():
    return PatchBank(Renderer(Photographs(()), "train"), 3, 80)


@pytest.mark.full
def test_a_demo_teaches_no_brightness(tmp_path):
    """The average over its steps begins at the start weights. One that began afresh darkened this
    picture, the smoothest of the sample, by 2.6 of 255 levels."""
    dataset = open_dataset("sample")
    run = next(
        run
        for run in plan_runs([baseline("kpac")], dataset, "demo", seeds=2)
        if run.seed
    )
    network = train_run(Study(tmp_path, dataset, [run]), run).network.eval()
    (pair,) = (pair for pair in dataset.pairs if pair.id == "whiskers")
    assert pair.truth is not None
    restored = restore_picture(
        network, run.baseline.card, pair, torch.device("cpu")
    ).picture
    assert abs(restored.mean() - as_float(read_image(pair.truth)).mean()) < 1.5 / 255


def test_the_budget_demo_trains_the_narrow_copy_alike_with_any_threads(tmp_path):
    narrow = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        folder = tmp_path / str(threads)
        folder.mkdir()
        study, run = planned(SYSTEM, folder, "demo")
        assert run.baseline.is_narrow
        narrow.append(train_run(study, run).network.state_dict())
        assert torch.get_num_threads() == threads
        facts = json.loads((run_folder(study.out, run.id) / TRAINING).read_text())
        assert "narrow" in facts
        with pytest.raises(
            WeightsError, match="a narrow copy, as the budget demo trains"
        ):
            add_weights(run.baseline, [run_folder(study.out, run.id) / CHECKPOINT])
    torch.set_num_threads(before)
    assert all(
        torch.equal(tensor, narrow[1][name]) for name, tensor in narrow[0].items()
    )


def test_other_budgets_train_the_whole_network(tmp_path):
    _, run = planned(SYSTEM, tmp_path, "quick")
    assert not run.baseline.is_narrow
    assert "narrow" not in run.facts()


def test_batches_of_the_bank_follow_from_the_step(bank):
    first, again, other = (bank.batch(step, 2, 64) for step in (5, 5, 6))
    assert torch.equal(first.blurry, again.blurry)
    assert not torch.equal(first.blurry, other.blurry)
    assert first.blurry.shape == first.target.shape == (2, 3, 64, 64)
    assert first.supervision["defocus_map"].shape == (2, 1, 64, 64)
    assert bank.batch(5, 2, 64, dual=True).blurry.shape == (2, 6, 64, 64)
    assert 0 <= float(first.blurry.min()) <= float(first.blurry.max()) <= 1


def test_start_weights_are_made_once_and_begin_the_demo(tmp_path, bank, monkeypatch):
    system = baseline(SYSTEM)
    study, _ = planned(SYSTEM, tmp_path, "demo")
    # its own validation is that of every training; here it would align pictures of 3 steps
    monkeypatch.setattr(training, "_validation", lambda *_: (30.0, 0.5))
    path = train_narrow(system, study.dataset, bank, MINUTES, tmp_path / "out")
    assert path == narrow_file(tmp_path / "out", SYSTEM)
    card, stamp = narrow_card(path), path.stat().st_mtime_ns
    assert card.steps >= 1
    assert card.validation_gain == 0.5
    train_narrow(system, study.dataset, bank, MINUTES, tmp_path / "out")
    assert path.stat().st_mtime_ns == stamp, "not made again"

    monkeypatch.setattr(module, "own_folder", lambda system: tmp_path / "weights")
    monkeypatch.setattr(training, "own_folder", lambda system: tmp_path / "weights")
    shipped = ship_narrow(system, path)
    assert find_narrow_weights(system.narrowed()) == shipped
    (run,) = plan_runs([system], study.dataset, "demo")
    assert run.facts()["narrow_start"] == card.sha256


def test_systems_without_a_copy_are_refused(refused):
    with refused(InputError):
        narrow_systems(["nafnet", "wiener"])
    names = [
        one.narrow.name for one in narrow_systems(["jdrl-unet", "unet"]) if one.narrow
    ]
    assert names == ["unet"], "one network, one training"
