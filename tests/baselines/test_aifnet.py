"""AIFNet: planes of equal blur, TensorFlow's sampling and padding."""

import torch

from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.aifnet.network import (
    AIFNet,
    _SameConv,
    blur_planes,
    double_legacy_bilinear,
)
from tests.baselines.overfitting import loss_falls_to, paired_batch


def test_planes_weigh_the_picture_by_how_near_its_blur_is() -> None:
    picture = torch.rand(1, 3, 2, 2)
    blur_map = torch.full((1, 1, 2, 2), 0.5)
    planes = blur_planes(picture, blur_map)
    assert planes.shape == (1, 87, 2, 2)
    torch.testing.assert_close(planes[:, 42:45], picture)  # level 14 of 0 … 28 is 0.5
    torch.testing.assert_close(planes[:, :3], 0.5 * picture)
    torch.testing.assert_close(planes[:, 21:24], (1 - 0.25) * picture)


def test_legacy_bilinear_has_no_half_pixel_centre() -> None:
    features = torch.tensor([[[[0.0, 2.0, 6.0]]]])
    doubled = double_legacy_bilinear(features)[0, 0]
    assert doubled[0].tolist() == [0.0, 1.0, 2.0, 4.0, 6.0, 6.0]
    assert torch.equal(doubled[0], doubled[1])


def test_a_strided_convolution_pads_below_and_on_the_right_alone() -> None:
    layer = _SameConv(1, 1, stride=2)
    torch.nn.init.zeros_(layer.bias)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(9.0).reshape(1, 1, 3, 3))
        picture = torch.zeros(1, 1, 4, 4)
        picture[0, 0, 0, 0] = 1.0
        given = layer(picture)[0, 0]
    assert given.tolist() == [[0.0, 0.0], [0.0, 0.0]]  # weight (0, 0), not the centre's 4
    picture = torch.zeros(1, 1, 4, 4)
    picture[0, 0, 1, 1] = 1.0
    with torch.no_grad():
        assert layer(picture)[0, 0, 0, 0] == 4.0


def test_it_learns_a_batch_by_heart_and_leaves_the_heads_alone() -> None:
    torch.manual_seed(0)
    recipe = baseline("aifnet").recipe()
    network = AIFNet(divide_channels_by=8)
    heads = [name for name, p in network.named_parameters() if not p.requires_grad]
    assert heads
    assert all("_aux." in name for name in heads)
    made = objective(recipe.objective, **recipe.objective_settings)
    assert (
        loss_falls_to(network, made, recipe, paired_batch(32), steps=12, learning_rate=3e-3) < 0.8
    )
