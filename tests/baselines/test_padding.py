"""Padding beyond a picture's own size, against NumPy's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from defocus.baselines.layers.padding import pad, pad_to_multiple
from defocus.baselines.systems.lakdnet.network import LaKDNet
from defocus.baselines.systems.nafnet.network import NAFNet
from defocus.baselines.systems.restormer.network import Restormer
from defocus.baselines.systems.uformer_b.network import Uformer
from defocus.baselines.systems.unet.network import UNet

NUMPY = {
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "zeros": "constant",
}
amount = st.integers(0, 40)


@settings(max_examples=40, deadline=None)
@given(
    mode=st.sampled_from(sorted(NUMPY)),
    height=st.integers(1, 19),
    width=st.integers(1, 19),
    amounts=st.tuples(amount, amount, amount, amount),
)
def test_every_mode_is_numpy_s(mode, height, width, amounts):
    picture = torch.rand(1, 2, height, width)
    left, right, top, bottom = amounts
    room = ((0, 0), (0, 0), (top, bottom), (left, right))
    expected = np.pad(picture.numpy(), room, mode=NUMPY[mode])  # type: ignore[call-overload]
    assert np.array_equal(pad(picture, amounts, mode).numpy(), expected)


def test_gradients_pass_through_repeated_reflections():
    picture = torch.rand(1, 1, 3, 2, requires_grad=True)
    pad_to_multiple(picture, 8).sum().backward()
    assert float(picture.grad.sum()) == 64
    assert bool((picture.grad > 0).all())


@pytest.mark.parametrize(
    ("network", "multiple", "mode"),
    [
        (Restormer(dim=8, blocks=(1, 1, 1, 1), refinement=1), 8, "reflect"),
        (LaKDNet(dim=8, blocks=(1, 1, 1, 1)), 8, "reflect"),
        (NAFNet(width=8, encoder_blocks=(1, 1, 1, 1)), 16, "constant"),
        (UNet(width=4), 16, "reflect"),
        (Uformer(square=False, dim=4, depths=(1,) * 9, heads=(1,) * 9), 128, "reflect"),
    ],
    ids=lambda value: type(value).__name__,
)
@torch.no_grad()
def test_networks_pad_as_their_authors_and_crop_again(network, multiple, mode):
    network.eval()
    height, width = (19, 30) if multiple < 128 else (100, 130)
    blurry = torch.rand(1, 3, height, width)
    amounts = (0, -width % multiple, 0, -height % multiple)
    padded = nn.functional.pad(blurry, amounts, mode=mode)
    torch.testing.assert_close(network(blurry), network(padded)[..., :height, :width])
