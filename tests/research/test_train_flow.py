import json
import math
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load, load_file, save

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.pwcnet.network import FLOW_SCALE, Flows
from defocus.errors import SettingsError, StorageError, TrainingError, WeightsError
from defocus.pictures.values import linear_to_srgb
from defocus.scene.aperture import disc_psf
from defocus.training.method import Method
from defocus.training.objective import Progress
from defocus.training.parallel import Ranks
from defocus.training.record.curve_files import read_curve
from defocus.training.record.folder import CHECKPOINT, CURVE, steps_done
from defocus.training.steps.optimisers import autocast, make_optimisers, optimiser_step
from research.alignment_truth.rendered.textures import Textures, load_textures
from research.flow_training import loss as loss_module
from research.flow_training.export import CARD, FACTS, WEIGHTS, in_one_order
from research.flow_training.initial import initial_network
from research.flow_training.loss import (
    LEVEL_WEIGHTS,
    FlowObjective,
    averaged_down,
    end_point_error,
    multi_scale_loss,
)
from research.flow_training.pairs import (
    FlowBatch,
    equally_blurred,
    flow_batch,
    validation_batches,
)
from research.flow_training.plan import (
    DEFAULT_SETTINGS,
    FlowStage,
    TrainingPlan,
    TrainingSettings,
    read_settings,
)
from research.flow_training.run import FlowRequest, train_flow
from research.flow_training.train import train
from research.flow_training.validation import class_errors, described
from tests.command_process import start_command

CPU = torch.device("cpu")

STAGE = FlowStage(
    share=1,
    batch=1,
    crop_px=64,
    coc_px=12.0,
    flow_px=2.0,
    parallax_px=2.0,
    sharp_share=0.2,
    equalised_share=0.4,
    photometric=True,
)
SETTINGS = TrainingSettings(
    steps=6,
    learning_rate=3e-4,
    warm_up_steps=2,
    weight_decay=1e-4,
    gradient_norm=1.0,
    normalise=True,
    bfloat16=False,
    validate_every=2,
    validation_pairs=2,
    stages=(STAGE,),
)
TOML = """
steps = 6
learning_rate = 3e-4
warm_up_steps = 2
weight_decay = 1e-4
gradient_norm = 1.0
normalise = true
bfloat16 = false
validate_every = 2
validation_pairs = 2

[[stages]]
share = 1
batch = 1
crop_px = 64
coc_px = 12.0
flow_px = 2.0
parallax_px = 2.0
sharp_share = 0.2
equalised_share = 0.4
photometric = true
"""


def plan_of(**changes: object) -> TrainingPlan:
    return TrainingPlan(
        SETTINGS.model_copy(update=changes), seed=1, pictures="", start=""
    )


@pytest.fixture(scope="module")
def textures():
    return load_textures("train")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a training that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    train_flow(request_for(folder), CPU, workers=0)
    return folder


def request_for(folder: Path) -> FlowRequest:
    return FlowRequest((), "drawn by hand, CC0", SETTINGS, 1, None, folder)


def flows_of(values: float, size: int) -> Flows:
    sides = [size // 2**level for level in (6, 5, 4, 3, 2, 2)]
    return Flows._make(torch.full((1, 2, side, side), values) for side in sides)


def test_the_loss_is_the_weighted_sum_of_the_levels_errors():
    truth = torch.full((1, 2, 64, 64), 3.0)
    right = flows_of(3.0 / FLOW_SCALE, 64)
    pixels = [1, 4, 16, 64, 256]
    weighted = sum(w * n for w, n in zip(LEVEL_WEIGHTS, pixels, strict=True))
    assert float(multi_scale_loss(right, truth)) == pytest.approx(
        1e-3 * weighted, rel=1e-3
    )
    off = flows_of(5.0 / FLOW_SCALE, 64)
    wanted = math.sqrt(2) * 2.0 / FLOW_SCALE * weighted
    assert float(multi_scale_loss(off, truth)) == pytest.approx(wanted, rel=1e-3)
    unrefined = right._replace(flow2=off.flow2)  # level 2 counts as refined
    assert multi_scale_loss(unrefined, truth) == multi_scale_loss(right, truth)
    assert (
        end_point_error(truth, truth + torch.tensor([3.0, 4.0])[:, None, None]).unique()
        == 5
    )


def test_settings(tmp_path, refused):
    assert len(read_settings(None, None).stages) > 1
    assert read_settings(DEFAULT_SETTINGS, 70).steps == 70
    file = tmp_path / "s.toml"
    file.write_text(TOML)
    assert read_settings(file, None) == SETTINGS
    file.write_text(TOML.replace("crop_px = 64", "crop_px = 100"))
    with refused(SettingsError):
        read_settings(file, None)
    file.write_text(TOML.replace("learning_rate", "learning_rat"))
    with refused(SettingsError):
        read_settings(file, None)


def test_stages_and_learning_rate():
    stages = tuple(
        STAGE.model_copy(update={"share": s, "coc_px": s}) for s in (3.0, 1.0, 6.0)
    )
    plan = plan_of(steps=100, stages=stages, warm_up_steps=10)
    assert [plan.stage(step).coc_px for step in (0, 29, 30, 39, 40, 99)] == [
        3,
        3,
        1,
        1,
        6,
        6,
    ]
    decay = plan.settings.method(on_gpu=False).decay
    rates = [decay.rate(plan.settings.learning_rate, step, 100) for step in range(100)]
    assert rates[:3] == pytest.approx([0, 3e-5, 6e-5])
    assert rates[10] == max(rates) == pytest.approx(3e-4)
    assert rates[55] == pytest.approx(1.5e-4)
    assert rates[99] < 1e-6
    assert plan.id != replace(plan, seed=2).id
    assert plan.id != plan_of(steps=101, stages=stages, warm_up_steps=10).id


def test_it_is_validated_at_intervals_and_at_the_end():
    due = SETTINGS.model_copy(update={"steps": 7, "validate_every": 3}).validated_steps
    assert sorted(due) == [3, 6, 7]
    assert sorted(SETTINGS.validated_steps) == [2, 4, 6]
    assert sorted(
        SETTINGS.model_copy(update={"validate_every": 50}).validated_steps
    ) == [6]


def test_the_loop_is_told_what_the_settings_say():
    for bfloat16, on_gpu, precision in (
        (True, True, "bfloat16"),
        (False, False, "float32"),
    ):
        method = SETTINGS.model_copy(update={"bfloat16": bfloat16}).method(
            on_gpu=on_gpu
        )
        assert (method.epochs, method.gradient_clip) == (6, 1.0)
        assert (method.optimiser.name, method.optimiser.weight_decay) == ("adamw", 1e-4)
        assert method.training.precision == precision
        assert method.training.channels_last is on_gpu


def test_batches_depend_on_seed_and_step_alone(textures):
    plan = plan_of()
    whole = [flow_batch(plan, textures, Ranks(), step) for step in range(5)]
    later = flow_batch(plan, textures, Ranks(), 4)
    for name, values in vars(whole[4]).items():
        assert torch.equal(getattr(later, name), values), name
    assert not torch.equal(whole[3].blurry, whole[4].blurry)
    other = flow_batch(replace(plan, seed=2), textures, Ranks(), 4)
    assert not torch.equal(other.blurry, later.blurry)
    assert later.blurry.shape == later.sharp.shape == (1, 3, 64, 64)
    assert later.flow.shape == (1, 2, 64, 64)
    assert later.coc_px.shape == later.plain.shape == (1, 64, 64)


def test_pairs_of_all_kinds_are_among_the_batches(textures):
    sharp = plan_of(
        stages=(STAGE.model_copy(update={"sharp_share": 1.0, "equalised_share": 0}),)
    )
    for step in range(3, 6):
        assert flow_batch(sharp, textures, Ranks(), step).coc_px.max() == 0
    both = []
    for share in (0.0, 1.0):
        stage = STAGE.model_copy(update={"sharp_share": 0, "equalised_share": share})
        plan = plan_of(stages=(stage,))
        both.append([flow_batch(plan, textures, Ranks(), step) for step in range(6)])
    for plain, alike in zip(*both, strict=True):
        assert torch.equal(plain.blurry, alike.blurry)
    contrasts = [sum(float(b.sharp.diff().abs().mean()) for b in kind) for kind in both]
    assert contrasts[1] < 0.8 * contrasts[0]


def test_blue_comes_first(textures):
    red = Textures("train", ("red",), (np.zeros((80, 80, 3), np.uint8),))
    red.pictures[0][..., 0] = np.random.default_rng(0).integers(0, 255, (80, 80))
    batch = flow_batch(plan_of(), red, Ranks(), 0)
    assert batch.sharp[:, 2].mean() > 0.2 > 0.1 > batch.sharp[:, 0].mean()


def test_an_equally_blurred_member_has_the_blur_of_the_other():
    rng = np.random.default_rng(0)
    linear = rng.uniform(0, 1, (64, 64, 3)).astype(np.float32)
    encoded = np.asarray(linear_to_srgb(linear), np.float32)
    still, diameters = np.zeros((2, 64, 64), np.float32), np.zeros((64, 64), np.float32)
    assert np.allclose(equally_blurred(encoded, still, diameters), encoded, atol=1e-5)
    wide = equally_blurred(encoded, still, diameters + 6)
    expected = cv2.filter2D(linear, -1, disc_psf(6.0), borderType=cv2.BORDER_REFLECT)
    assert np.allclose(wide, linear_to_srgb(expected), atol=1e-4)
    diameters[:, 24:] = (
        6  # of the blurry member; the sharp one shows the same 8 px to the right
    )
    moved = equally_blurred(
        encoded, still + np.array([8.0, 0.0], np.float32)[:, None, None], diameters
    )
    assert np.allclose(moved[:, :32], encoded[:, :32], atol=1e-4)
    assert np.allclose(moved[:, 32:], wide[:, 32:], atol=1e-4)


def test_validation_pairs_are_of_the_choosing_split_and_of_no_seed(textures):
    choose = load_textures("choose")
    pairs = [
        validation_batches(replace(plan_of(), seed=seed), choose)[0] for seed in (1, 2)
    ]
    assert torch.equal(pairs[0].blurry, pairs[1].blurry)
    assert not set(choose.names) & set(textures.names)


def test_a_class_without_a_pixel_has_no_error():
    frame, here = torch.zeros(1, 3, 8, 8), torch.zeros(1, 8, 8)
    pair = FlowBatch(frame, frame, torch.zeros(1, 2, 8, 8), here, here < 1)
    errors = class_errors([torch.full((1, 2, 8, 8), 2.0)], [pair])
    assert errors["epe_px"] == errors["epe_sharp_px"] == pytest.approx(math.sqrt(8))
    assert errors["epe_blurred_px"] is None
    assert described({"step": 3, **errors}).startswith("step 3  epe_px 2.828")


def test_training_learns(textures):
    pair = validation_batches(plan_of(validation_pairs=1), textures)[0]
    network = initial_network(plan_of(), None)
    objective, method = FlowObjective(), SETTINGS.method(on_gpu=False)
    optimisers = make_optimisers(method, network, objective)
    errors = [
        optimiser_step(
            method, optimisers, network, objective, pair, Progress(k, k), 3e-4
        )
        for k in range(15)
    ]
    assert errors[-1]["loss"] < 0.5 * errors[0]["loss"]
    assert errors[-1]["epe_px"] < errors[0]["epe_px"]


@pytest.mark.parametrize("changes", [{"bfloat16": True}, {"bfloat16": False}])
def test_in_bfloat16_the_loss_itself_is_computed_in_full(textures, changes):
    pair = validation_batches(plan_of(validation_pairs=1), textures)[0]
    network = initial_network(plan_of(), None)
    method: Method = SETTINGS.model_copy(update=changes).method(on_gpu=False)
    with torch.no_grad(), autocast(CPU, method.training.precision):
        loss, parts = FlowObjective()(network, pair, Progress(0, 0.0))
        flows = network.flows(pair.blurry, pair.sharp)
    # flows leave the layers in single precision
    assert flows.flow6.dtype == torch.float32
    assert loss.dtype == torch.float32
    assert float(loss) == float(multi_scale_loss(flows, pair.flow))
    flow = flows.refined.float() * FLOW_SCALE
    error = end_point_error(flow, averaged_down(pair.flow, flow))
    assert parts["epe_px"] == pytest.approx(float(error.mean()))


def test_a_killed_training_goes_on_to_the_same_end(trained, tmp_path):
    settings, out = tmp_path / "s.toml", tmp_path / "out"
    settings.write_text(TOML)
    arguments = ["--settings", settings, "--out", out, "--seed", "1"]
    process = start_command("research.flow_training", *arguments, "--device", "cpu")
    while not (out / CHECKPOINT).exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (out / CHECKPOINT).exists(), "the training was killed before its first state"
    assert not (out / WEIGHTS).exists(), "the training ended before it was killed"
    folder = train_flow(request_for(out), CPU, workers=0)
    for name, value in load_file(trained / WEIGHTS).items():
        assert torch.equal(load_file(folder)[name], value), name
    assert (out / "validation.csv").read_bytes() == (
        trained / "validation.csv"
    ).read_bytes()


def test_the_weights_that_it_made_load_as_our_own(trained):
    estimator = flow_estimator("pwcnet", trained / WEIGHTS)
    assert estimator.name == "pwcnet-own"
    facts = json.loads((trained / FACTS).read_text())
    assert facts["sha256"] == estimator.weights_sha256
    assert facts["settings"] == SETTINGS.model_dump(mode="json")
    state = load_file(trained / CHECKPOINT)
    for name, value in load_file(trained / WEIGHTS).items():
        assert value.dtype == torch.float16
        assert torch.equal(value, state[f"network.{name}"].half())
    card = (trained / CARD).read_text()
    for expected in ("| DIS |", "MIT", "astronaut", "drawn by hand, CC0", "normalised"):
        assert expected in card
    assert estimator.weights_sha256 in card
    rows = (trained / "validation.csv").read_text().splitlines()
    assert rows[0].startswith("step,epe_px,epe_sharp_px,epe_blurred_px")
    assert [row.split(",")[0] for row in rows[1:]] == ["2", "4", "6"]
    curve = read_curve(trained / CURVE, 6)
    assert [int(row["step"]) for row in curve] == [1, 2, 3, 4, 5, 6]
    assert all(float(row["epe_px"]) > 0 for row in curve)


def test_equal_weights_are_equal_bytes():
    tensors = {"odd": torch.ones(3, dtype=torch.float16), "ä": torch.zeros(2, 2)}
    metadata = {"defocus_origin": "own", "defocus_card": '{"a": 1}', "third": ""}
    (file,) = {in_one_order(save(tensors, metadata)) for _ in range(20)}
    read = load(file)
    assert sorted(read) == sorted(tensors)
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)


def test_a_folder_holds_one_training(trained, tmp_path, refused):
    before = (trained / CHECKPOINT).read_bytes()
    with refused(WeightsError):
        train_flow(replace(request_for(trained), seed=2), CPU, workers=0)
    assert (trained / CHECKPOINT).read_bytes() == before


@pytest.mark.parametrize("damage", ["cut", "other content"])
def test_a_damaged_checkpoint_is_set_aside_and_the_training_starts_anew(
    textures, tmp_path, damage
):
    pairs = validation_batches(plan_of(validation_pairs=1), textures)
    again = partial(train, plan_of(steps=1), textures, pairs, tmp_path, CPU, workers=0)
    again()
    path = tmp_path / CHECKPOINT
    whole = path.read_bytes()
    content = whole[: len(whole) // 2] if damage == "cut" else b"not a checkpoint"
    path.write_bytes(content)
    again()
    assert (tmp_path / (CHECKPOINT + ".damaged")).read_bytes() == content
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_said_first(tmp_path, refused):
    (tmp_path / "taken").write_text("a file")
    with patch("research.flow_training.run.validation_batches") as work:
        with refused(StorageError):
            train_flow(request_for(tmp_path / "taken"), CPU, workers=0)
        work.assert_not_called()


def test_a_diverged_training_stops_and_keeps_its_state(
    textures, tmp_path, monkeypatch, refused
):
    plan = plan_of(validate_every=1)
    pairs = validation_batches(plan_of(validation_pairs=1), textures)
    whole = loss_module.multi_scale_loss

    def diverging(flows: Flows, truth: torch.Tensor) -> torch.Tensor:
        return whole(flows, truth) * (
            1 if not (tmp_path / CHECKPOINT).exists() else math.nan
        )

    monkeypatch.setattr(loss_module, "multi_scale_loss", diverging)
    with refused(TrainingError):
        train(plan, textures, pairs, tmp_path, CPU, workers=0)
    assert steps_done(tmp_path) == (1, 6)


def test_starting_from_weights(trained):
    state = load_file(trained / CHECKPOINT)
    start = {
        n.removeprefix("network."): v
        for n, v in state.items()
        if n.startswith("network.")
    }
    network = initial_network(replace(plan_of(), start="some hash"), start)
    assert torch.equal(
        network.netRefiner.netMain[0].weight, start["netRefiner.netMain.0.weight"]
    )


def test_command_refuses_in_one_line(run, tmp_path):
    settings = tmp_path / "s.toml"
    settings.write_text(TOML.replace("steps = 6", "steps = 0"))
    cases = [
        (("--settings", settings), "'steps'"),
        (
            ("--pictures", tmp_path / "none", "--device", "cpu"),
            "no such folder of pictures",
        ),
    ]
    for arguments, message in cases:
        result = run("research.flow_training", "--out", tmp_path / "out", *arguments)
        assert result.returncode == 2
        assert message in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "out").exists()
