"""Our own networks: what a CPU and a first step need, and the weights that the package ships."""

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from torch import nn

from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.size import parameter_count
from defocus.baselines.weights.own import find_own_weights, own_card, own_weights
from defocus.baselines.weights.store import build_with, find_weights
from defocus.pictures.values import linear_to_srgb, srgb_to_linear
from defocus.scene.aperture import disc_psf
from tests.baselines.test_classical import psnr

MOST_PARAMETERS = {"defocus-s": 1_000_000, "defocus-m": 8_000_000}
MOST_BYTES = 20_000_000
NAMES = pytest.mark.parametrize("name", MOST_PARAMETERS)


@NAMES
@torch.no_grad()
def test_an_untrained_network_is_small_and_gives_its_input_exactly(name):
    system = baseline(name)
    assert system.card.status == "own"
    assert 0 < parameter_count(system) <= MOST_PARAMETERS[name]
    network = system.build()
    for size in ((16, 16), (37, 50)):
        blurry = torch.rand(2, 3, *size)
        assert torch.equal(network(blurry), blurry)


@torch.no_grad()
def test_a_place_depends_on_what_lies_a_circle_of_20_px_away():
    """Both sides of a disc of 20 px are seen, with room to compare it with its surroundings."""
    torch.manual_seed(0)
    network = baseline("defocus-m").build()
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
    blurry = torch.rand(1, 3, 128, 128)
    changed = blurry.clone()
    changed[..., 64, 64] += 0.5
    touched = (network(changed) - network(blurry)).abs().amax(dim=(0, 1)) > 0
    rows = touched.any(dim=1).nonzero().flatten()
    assert int(rows[-1] - rows[0]) >= 3 * 20


@torch.no_grad()
def test_one_input_for_the_whole_network_or_in_half_precision():
    """The picture itself is added in float32, so bfloat16 costs no more than the change's bits."""
    torch.manual_seed(0)
    network = baseline("defocus-s").build()
    nn.init.normal_(network.get_parameter("ending.weight"), std=1e-3)
    blurry = torch.rand(1, 3, 48, 48)
    exact = network(blurry)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(blurry)
    assert rough.dtype == torch.float32
    change = float((exact - blurry).abs().max())
    assert 0 < float((rough - exact).abs().max()) < 0.1 * change


def test_shipped_files_are_small_enough():
    files = [find_own_weights(system) for system in all_baselines().values()]
    assert sum(path.stat().st_size for path in files if path) <= MOST_BYTES


@NAMES
@torch.no_grad()
def test_shipped_weights_restore_a_picture_that_was_not_trained_on(name):
    system = baseline(name)
    path = find_own_weights(system)
    assert path is not None
    assert own_card(path).system == name
    assert own_weights(system) == path
    network = build_with(system, find_weights(system, str(path)))
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    gains = []
    for picture in (
        skimage.data.chelsea(),
        skimage.data.astronaut(),
        skimage.data.coffee(),
    ):
        sharp = picture[40:296, 100:356] / np.float32(255)
        blurry = blurred(sharp)
        tensor = torch.from_numpy(blurry).permute(2, 0, 1)[None]
        with torch.no_grad():
            restored = network(tensor)[0].permute(1, 2, 0).clamp(0, 1).numpy()
        gains.append(psnr(restored, sharp) - psnr(blurry, sharp))
    assert np.mean(gains) > 0.5, gains
    assert min(gains) > -0.4, "soft fur is taken for blur, but not by more than this"


def blurred(sharp: np.ndarray) -> np.ndarray:
    """By a disc of 5 px in linear light, with a little noise, stored with 8 bits."""
    light = srgb_to_linear(np.asarray(sharp, np.float32))
    light = cv2.filter2D(light, -1, disc_psf(5.0), borderType=cv2.BORDER_REFLECT)
    noise = np.random.default_rng(0).normal(0, 0.002, light.shape)
    stored = linear_to_srgb(np.clip(light + noise, 0, 1).astype(np.float32))
    return np.asarray(np.round(stored * 255) / 255, np.float32)


def test_the_narrow_copies_are_two_networks():
    """Their rows of the budget demo were equal to the last digit when they were one."""
    small, medium = (
        sum(one.numel() for one in baseline(name).narrowed().build().parameters())
        for name in ("defocus-s", "defocus-m")
    )
    assert small < 0.8 * medium
