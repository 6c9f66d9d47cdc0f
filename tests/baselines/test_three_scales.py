"""The frame of the three-scale networks, their filters and their means, against plain loops."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.frequency_selection import FilterChoice, Pooling
from defocus.baselines.layers.three_scales import ThreeScales
from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from tests.baselines.overfitting import paired_batch

FAMILY = ["sfnet", "fsnet", "focalnet", "irnext", "oknet", "convir-s"]


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("sfnet", (None, False)), ("sfnet-local", (80, False)),
        ("fsnet", (None, True)), ("fsnet-local", (80, True)),
    ],
)  # fmt: skip
def test_each_name_has_the_windows_that_its_fixture_proves(name, window):
    """Fixtures build the networks themselves; the declared sizes tell the number of blocks."""
    pools = [
        one for one in baseline(name).build().modules() if isinstance(one, Pooling)
    ]
    assert {(each.window_px, each.in_training) for each in pools} == {window}


class Frame(ThreeScales):
    """The frame without blocks."""

    multiple = 8
    smallest_px = 32

    def __init__(self) -> None:
        super().__init__(8, lambda _, __: nn.Identity())


@torch.no_grad()
def test_smaller_pictures_are_every_second_and_fourth_pixel_of_a_reflection():
    torch.manual_seed(0)
    frame = Frame().eval()
    for last in (*frame.ConvsOut, frame.feat_extract[5]):
        nn.init.zeros_(last.main[0].weight)
        nn.init.zeros_(last.main[0].bias)
    seen: list[torch.Tensor] = []
    frame.feat_extract[0].register_forward_hook(
        lambda _, given, __: seen.append(given[0])
    )
    blurry = torch.rand(1, 3, 21, 46)
    outputs = frame.outputs(blurry)
    padded = functional.pad(blurry, (0, 2, 0, 11), mode="reflect")
    torch.testing.assert_close(seen[0], padded, rtol=0, atol=0)
    torch.testing.assert_close(outputs["restored"], blurry, rtol=0, atol=0)
    torch.testing.assert_close(outputs["half"], blurry[..., ::2, ::2], rtol=0, atol=0)
    torch.testing.assert_close(
        outputs["quarter"], blurry[..., ::4, ::4], rtol=0, atol=0
    )


def test_one_picture_alone_is_normalised_by_the_running_statistics():
    torch.manual_seed(0)
    choice = FilterChoice()
    choice.add_choice(16, 3)
    means = torch.rand(4, 16, 1, 1)
    choice.chosen(means)
    before = choice.bn.running_mean.clone()
    alone = choice.chosen(means[:1])
    torch.testing.assert_close(choice.bn.running_mean, before, rtol=0, atol=0)
    torch.testing.assert_close(alone, choice.eval().chosen(means[:1]))


def test_windows_are_for_restoring_unless_they_are_for_training_too():
    features = torch.rand(1, 3, 16, 16)
    whole = features.mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(Pooling(80).train()(features), whole)
    torch.testing.assert_close(Pooling().eval()(features), whole)
    assert Pooling(80, in_training=True).train()(features).shape == features.shape


@pytest.mark.parametrize(
    ("name", "distance", "weight"),
    [
        *((name, functional.l1_loss, 0.1) for name in FAMILY),
        ("iniknet", functional.mse_loss, 0.2),
    ],
)
@torch.no_grad()
def test_the_loss_is_that_of_the_released_scripts(
    name, distance, weight, tmp_path, monkeypatch
):
    """But for INIKNet's terms over backbones, whose files are not there."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    recipe = baseline(name).recipe()
    distance, weight = (
        (functional.mse_loss, 0.2) if name == "iniknet" else (functional.l1_loss, 0.1)
    )
    batch = paired_batch(64)
    torch.manual_seed(0)
    network = Frame().eval()
    outputs = network.outputs(batch.blurry)
    expected = torch.zeros(())
    for scale, share in (("restored", 1.0), ("half", 0.5), ("quarter", 0.25)):
        target = functional.interpolate(
            batch.target, scale_factor=share, mode="bilinear"
        )
        pair = [torch.fft.fft2(each) for each in (outputs[scale], target)]
        parts = [torch.stack((each.real, each.imag), -1) for each in pair]
        expected += distance(outputs[scale], target)
        expected += weight * functional.l1_loss(parts[0], parts[1])
    criterion = objective("supervised", **recipe.objective_settings)
    torch.testing.assert_close(criterion(network, batch, Progress(0, 0.0))[0], expected)
