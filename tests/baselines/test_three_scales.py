"""The frame of the three-scale networks, their filters and their means, against plain loops."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.frequency_selection import FilterChoice, Pooling, filtered
from defocus.baselines.layers.three_scales import ThreeScales
from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from tests.baselines.overfitting import paired_batch

FAMILY = ["sfnet", "fsnet", "focalnet", "irnext", "oknet"]


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("sfnet", (None, False)), ("sfnet-local", (80, False)),
        ("fsnet", (None, True)), ("fsnet-local", (80, True)),
    ],
)  # fmt: skip
def test_each_name_has_the_windows_that_its_fixture_proves(name, window):
    """Fixtures build the networks themselves; the declared sizes tell the number of blocks."""
    pools = [one for one in baseline(name).build().modules() if isinstance(one, Pooling)]
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
    frame.feat_extract[0].register_forward_hook(lambda _, given, __: seen.append(given[0]))
    blurry = torch.rand(1, 3, 21, 46)
    outputs = frame.outputs(blurry)
    padded = functional.pad(blurry, (0, 2, 0, 11), mode="reflect")
    torch.testing.assert_close(seen[0], padded, rtol=0, atol=0)
    torch.testing.assert_close(outputs["restored"], blurry, rtol=0, atol=0)
    torch.testing.assert_close(outputs["half"], blurry[..., ::2, ::2], rtol=0, atol=0)
    torch.testing.assert_close(outputs["quarter"], blurry[..., ::4, ::4], rtol=0, atol=0)


@pytest.mark.parametrize("size", [3, 5])
def test_each_group_of_channels_has_its_own_filter(size):
    generator = torch.Generator().manual_seed(size)
    features = torch.rand(2, 6, 7, 9, generator=generator)
    taps = torch.rand(2, 3, size**2, generator=generator)
    expected = torch.zeros_like(features)
    margin = size // 2
    padded = functional.pad(features, (margin,) * 4, mode="reflect")
    for row in range(7):
        for column in range(9):
            window = padded[..., row : row + size, column : column + size].flatten(2)
            expected[..., row, column] = (window * taps.repeat_interleave(2, dim=1)).sum(-1)
    torch.testing.assert_close(filtered(features, taps, size), expected)


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


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 30), (4, 7)])
def test_a_window_is_a_share_of_the_map_and_repeated_at_its_border(height, width):
    features = torch.rand(2, 3, height, width)
    rows, columns = max(1, height * 80 // 256), max(1, width * 80 // 256)
    means = functional.avg_pool2d(features, (rows, columns), stride=1)
    missing = height - means.shape[2], width - means.shape[3]
    top, left = missing[0] // 2, missing[1] // 2
    frame = (left, missing[1] - left, top, missing[0] - top)
    expected = functional.pad(means, frame, mode="replicate")
    torch.testing.assert_close(Pooling(80).eval()(features), expected)


def test_windows_are_for_restoring_unless_they_are_for_training_too():
    features = torch.rand(1, 3, 16, 16)
    whole = features.mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(Pooling(80).train()(features), whole)
    torch.testing.assert_close(Pooling().eval()(features), whole)
    assert Pooling(80, in_training=True).train()(features).shape == features.shape


@pytest.mark.parametrize(
    ("name", "distance", "weight"),
    [*((name, functional.l1_loss, 0.1) for name in FAMILY), ("iniknet", functional.mse_loss, 0.2)],
)
@torch.no_grad()
def test_the_loss_is_that_of_the_released_scripts(name, distance, weight, tmp_path, monkeypatch):
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
        target = functional.interpolate(batch.target, scale_factor=share, mode="bilinear")
        pair = [torch.fft.fft2(each) for each in (outputs[scale], target)]
        parts = [torch.stack((each.real, each.imag), -1) for each in pair]
        expected += distance(outputs[scale], target)
        expected += weight * functional.l1_loss(parts[0], parts[1])
    made = objective("supervised", **recipe.objective_settings)
    torch.testing.assert_close(made(network, batch, Progress(0, 0.0))[0], expected)
