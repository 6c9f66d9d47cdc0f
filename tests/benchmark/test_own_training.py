"""The long training of our own networks, from the first step to the weights that are shipped."""

import json
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from defocus.baselines.registry import baseline
from defocus.baselines.weights import own as module
from defocus.baselines.weights.own import own_card, own_weights
from defocus.baselines.weights.shipping import ship_weights, write_half
from defocus.baselines.weights.store import build_with, find_weights
from defocus.errors import InputError, WeightsError
from defocus.training.record.checkpoint import load_checkpoint
from defocus.training.record.curve_files import read_curve
from defocus.training.record.folder import CHECKPOINT, CURVE, TRAINING, steps_done

pytestmark = pytest.mark.full

STEPS = 60
SETTINGS = f"""
[schedule]
steps = {STEPS}
crop_px = 16
batch = 2
[training]
checkpoint_minutes = 1e-6
validations = 0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the training that the tests of this module share lies, killed at first."""
    return tmp_path_factory.mktemp("own")


@pytest.fixture
def command(folder, tiny_dataset):
    settings = folder / "settings.toml"
    settings.write_text(SETTINGS)
    return ("train", "defocus-s", "--dataset", f"tiny:{tiny_dataset}", "--budget", "own",
            "--settings", settings, "--out", folder / "out")  # fmt: skip


def run_of(folder: Path) -> Path:
    (only,) = folder.glob("out/runs/defocus-s-*")
    return only


def test_killed_it_ships_its_mean_so_far_and_goes_on(
    folder, command, bench, start_bench
):
    process = start_bench(*command)
    while not list(folder.glob(f"out/runs/*/{CHECKPOINT}")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run = run_of(folder)
    steps = steps_done(run)
    assert 0 < steps[0] < steps[1] == STEPS

    shipped = bench("weights", "ship", "defocus-s", run, "--out", folder / "early")
    assert shipped.returncode == 0, shipped.stderr
    path = folder / "early" / "defocus-s.safetensors"
    card = own_card(path)
    noted = json.loads((run / TRAINING).read_text())
    assert (card.step, card.steps, card.dataset) == (*steps, "tiny")
    assert (card.run, card.data_hash) == (run.name, noted["data_hash"])
    assert (card.validation, card.validation_gain) == (None, None)
    average = load_checkpoint(run / CHECKPOINT, run.name).part("average")
    for name, tensor in load_file(path).items():
        assert tensor.dtype == torch.float16
        assert torch.equal(tensor, average[f"module.{name}"].half()), name

    again = bench(*command)
    assert again.returncode == 0, again.stderr
    assert f"continues at step {steps[0]} of {STEPS}" in again.stderr
    assert steps_done(run) == (STEPS, STEPS)


def test_finished_weights_are_found_in_the_package_and_refused_when_damaged(
    folder, monkeypatch
):
    system, run = baseline("defocus-s"), run_of(folder)
    monkeypatch.setattr("defocus.baselines.weights.shipping.SECONDS_PER_HOUR", 1.0)
    path = ship_weights(system, run, folder / "package")
    assert own_card(path).step == STEPS
    spent = float(read_curve(run / CURVE, STEPS)[-1]["cpu_seconds"])
    assert own_card(path).cpu_hours == pytest.approx(spent, abs=1e-3)
    assert spent > 0
    monkeypatch.setattr(module, "own_folder", lambda _: folder / "package")
    assert own_weights(system) == path
    with pytest.raises(WeightsError, match="ships no weights of defocus-m"):
        own_weights(baseline("defocus-m"))

    network = build_with(system, find_weights(system, str(path)))
    trained = load_checkpoint(run / CHECKPOINT, run.name).part("network")
    for name, tensor in network.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, trained[name], rtol=1e-3, atol=1e-6)

    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="SHA-256"):
        own_weights(system)
    path.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"defocus-s\.json"):
        own_weights(system)


def test_what_cannot_be_shipped_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="a training of defocus-s, not of defocus-m"):
        ship_weights(baseline("defocus-m"), run_of(folder), tmp_path)
    with pytest.raises(WeightsError, match="no record of a training there"):
        ship_weights(baseline("defocus-s"), tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())


def test_half_precision_where_the_numbers_fit(tmp_path, refused):
    path = tmp_path / "w.safetensors"
    state = {
        "weight": torch.full((2,), 0.5),
        "running_var": torch.tensor([358320.0, 1.0]),  # such as before a normalisation
        "table": torch.tensor([0, 7]),
    }
    write_half(state, path)
    tensors = load_file(path)
    kept = {name: tensor.dtype for name, tensor in tensors.items()}
    assert kept == {
        "weight": torch.half,
        "running_var": torch.float32,
        "table": torch.int16,
    }
    assert all(
        torch.equal(tensors[name].to(one.dtype), one) for name, one in state.items()
    )
    path.unlink()
    with refused(WeightsError):
        write_half({"weight": torch.tensor([float("nan")])}, path)
    assert not path.exists()


def test_no_other_system_has_the_budget(bench, tiny_dataset, tmp_path, said, snapshot):
    result = bench("train", "tiny-conv", "--dataset", f"tiny:{tiny_dataset}", "--budget", "own",
                   "--out", tmp_path / "out")  # fmt: skip
    assert said(result) == snapshot
