"""INIKNet: what its conformance fixture replaces or cannot see."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.systems.iniknet.network import (
    INIKNet,
    KernelDictionary,
    coordinates,
)

NARROW = {"width": 8, "kernels": 3}


@pytest.fixture
def narrow():
    torch.manual_seed(0)
    return INIKNet(**NARROW).eval()


def test_frequencies_start_evenly_from_2_to_12():
    frequencies = [
        drawing.layers[1].w0.item() for drawing in KernelDictionary(10).kernelINR_list
    ]
    published = [
        2,
        3.111111,
        4.222222,
        5.333333,
        6.444444,
        7.555556,
        8.666667,
        9.777778,
        10.888889,
    ]
    assert frequencies == pytest.approx([*published, 12], abs=1e-6)


@pytest.mark.parametrize("size", [3, 15])
def test_the_centre_lies_at_exactly_0_and_the_others_on_circles(size):
    places = coordinates(size).reshape(size, size, 3)
    half = size // 2
    assert places[half, half].tolist() == [0, 1, 0.5]
    assert places[0, 0].tolist() == pytest.approx(
        [1, (1 - 0.5**0.5) / 2, (1 - 0.5**0.5) / 2]
    )
    row, column = 0, size - 1 - (size > 3)
    down, right = 2 * row / (size - 1) - 1, 2 * column / (size - 1) - 1
    angle = math.atan2(right, down)
    expected = [math.hypot(down, right) / 2**0.5, (math.cos(angle) + 1) / 2]
    assert places[row, column].tolist() == pytest.approx(
        [*expected, (math.sin(angle) + 1) / 2]
    )


@torch.no_grad()
def test_scales_are_shrunk_from_the_whole_picture_in_bgr(narrow):
    blurry = torch.rand(1, 3, 40, 50)
    padded = nn.functional.pad(blurry, (0, 14, 0, 8), mode="reflect")
    seen: list[torch.Tensor] = []
    narrow.unet.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    outputs = narrow.outputs(blurry)
    for picture, share in zip(seen, (0.25, 0.5, 1), strict=True):
        wanted = functional.interpolate(
            padded.flip(1), scale_factor=share, mode="bilinear"
        )
        torch.testing.assert_close(picture, wanted, rtol=0, atol=0)
    sizes = {name: tuple(output.shape[-2:]) for name, output in outputs.items()}
    assert sizes == {"quarter": (10, 13), "half": (20, 25), "restored": (40, 50)}
    torch.testing.assert_close(outputs["restored"], narrow(padded)[..., :40, :50])
