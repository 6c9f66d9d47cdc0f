"""IFAN: filters, losses and configurations that its conformance fixtures do not see."""

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.objectives.ifan.disparity import shifted
from defocus.baselines.objectives.ifan.objective import IFANObjective, make
from defocus.baselines.recipes.recipe import Recipe
from defocus.baselines.registry import baseline
from defocus.baselines.systems.ifan.adaptive import adaptive_convolution, filter_channels
from defocus.baselines.systems.ifan.network import IFAN
from defocus.baselines.systems.ifan.reblur import ReblurNet
from tests.baselines.overfitting import loss_falls_to, paired_batch

NARROW = (8, 8, 16, 16)
ABLATION = {
    "ifan-ablation-none": {"deblur"},
    "ifan-ablation-d": {"deblur", "disparity"},
    "ifan-ablation-f": {"deblur"},
    "ifan-ablation-f-d": {"deblur", "disparity"},
    "ifan-ablation-f-r": {"deblur", "reblur"},
    "ifan": {"deblur", "disparity", "reblur"},
}


def recipe_of(name: str) -> Recipe:
    made = baseline(name).recipe
    assert made is not None
    return made()


def one_channel_filters(
    vertical: list[float], horizontal: list[float], bias: float
) -> torch.Tensor:
    return torch.tensor([*vertical, *horizontal, bias])[None, :, None, None].expand(1, 7, 5, 5)


@pytest.mark.parametrize(("corrected", "place"), [(False, (3, 3)), (True, (3, 2))])
def test_the_official_layer_filters_with_the_vertical_taps_both_ways(
    corrected: bool, place: tuple[int, int]
) -> None:
    """Tap 0 is the row above: a point moves down; officially it moves to the right as well."""
    point = torch.zeros(1, 1, 5, 5)
    point[0, 0, 2, 2] = 1.0
    filters = one_channel_filters([1, 0, 0], [0, 1, 0], 0.0)
    moved = adaptive_convolution(point, filters, steps=1, corrected=corrected)
    assert moved.nonzero().tolist() == [[0, 0, *place]]


def test_a_step_repeats_borders_adds_its_bias_once_and_ends_in_a_leaky_relu() -> None:
    ones = torch.ones(1, 1, 5, 5)
    mean = one_channel_filters([1 / 3] * 3, [1 / 3] * 3, -3.0)
    found = adaptive_convolution(ones, mean, steps=1)
    torch.testing.assert_close(found, torch.full_like(ones, -0.2))  # 0.1 (1 - 3), everywhere
    linear = adaptive_convolution(ones, mean, steps=1, last_activation=False)
    torch.testing.assert_close(linear, torch.full_like(ones, -2.0))


def test_biases_lie_behind_all_filters_step_by_step() -> None:
    """Two steps of one channel that copy: what is added is the last two values."""
    copy = [0.0, 1.0, 0.0] * 4
    filters = torch.tensor([*copy, 5.0, 70.0])[None, :, None, None].expand(1, 14, 2, 2)
    assert filter_channels(2, 1) == 14
    found = adaptive_convolution(torch.zeros(1, 1, 2, 2), filters, steps=2)
    assert found.unique().tolist() == [75.0]


@pytest.mark.parametrize("pixels", [-2, 1])
def test_disparity_moves_along_rows_in_whole_pixels(pixels: int) -> None:
    picture = torch.rand(1, 3, 4, 9)
    moved = shifted(picture, torch.full((1, 1, 4, 9), float(pixels)))
    kept = slice(max(0, -pixels), 9 - max(0, pixels))
    source = slice(max(0, pixels), 9 + min(0, pixels))
    torch.testing.assert_close(moved[..., kept], picture[..., source])
    assert (moved[..., -1 if pixels > 0 else 0] == 0).all(), "black beyond the border"


def test_the_disparity_loss_is_that_of_the_right_view_warped_to_the_left_at_an_eighth() -> None:
    """A network that sees one pixel everywhere, views that are one pixel of an eighth apart."""
    network = IFAN(2, channels=NARROW)
    with torch.no_grad():
        network.DME[-1].weight.zero_()
        network.DME[-1].bias.fill_(1.0)
    right = torch.rand(1, 3, 16, 64)
    left = right.roll(-8, dims=-1)
    batch = Batch(
        torch.rand(1, 3, 16, 64),
        torch.rand(1, 3, 16, 64),
        supervision={"dual_pixel": torch.cat([left, right], dim=1)},
    )
    _, parts = IFANObjective(disparity=True)(network, batch, Progress(0, 0.0))
    small = nn.functional.avg_pool2d(left, 8)
    expected = float(small[..., -1].square().sum()) / small.numel()
    assert parts["disparity"] == pytest.approx(expected, rel=1e-5)  # sums of float32


def test_reblurring_takes_every_eighth_pixel_of_the_sharp_picture() -> None:
    branch = ReblurNet(filter_channels(2, 16), 3)
    with torch.no_grad():
        branch.RBF[-1].weight.zero_()  # filters of zeros: what remains is the picture itself
    sharp = torch.rand(1, 3, 32, 40)
    small = branch(sharp, torch.rand(1, filter_channels(2, 16), 4, 5))
    assert torch.equal(small, sharp[..., ::8, ::8])


def test_the_result_is_clipped_outside_of_training_only() -> None:
    network = IFAN(2, channels=NARROW)
    with torch.no_grad():
        network.out_res[0].bias.fill_(9.0)
        assert network.train()(torch.rand(1, 3, 16, 16)).min() > 1
        assert network.eval()(torch.rand(1, 3, 16, 16)).max() == 1


@torch.no_grad()
def test_the_dual_network_filters_by_the_views_right_first_and_restores_the_picture() -> None:
    network = IFAN(2, dual=True, channels=NARROW).eval()
    seen: list[torch.Tensor] = []
    for name in ("kconv1_1", "conv1_1"):
        network.get_submodule(name)[0].register_forward_hook(
            lambda _, given, __: seen.extend(given)
        )
    picture, left, right = torch.rand(3, 1, 3, 24, 24)
    network(picture, dual_pixel=torch.cat([left, right], dim=1))
    assert torch.equal(seen[0], picture)
    assert torch.equal(seen[1], torch.cat([right, left], dim=1))


@pytest.mark.parametrize("name", ABLATION)
def test_the_ablations_lines_have_their_losses(name: str) -> None:
    recipe = recipe_of(name)
    settings = recipe.objective_settings
    assert ("dual_pixel" in recipe.supervision) == ("disparity" in ABLATION[name])
    found = {"deblur"} | {part for part in ("disparity", "reblur") if settings[part]}
    assert found == ABLATION[name]


def test_the_ablation_without_filters_has_the_papers_size() -> None:
    with torch.device("meta"):
        counts = {
            name: sum(p.numel() for p in baseline(name).build().parameters())
            for name in ("ifan", "ifan-ablation-none", "ifan-ablation-f-r")
        }
    millions = {name: round(count / 1e6, 2) for name, count in counts.items()}
    assert millions == {"ifan": 10.48, "ifan-ablation-none": 10.58, "ifan-ablation-f-r": 10.48}


@pytest.mark.parametrize(
    ("name", "steps", "reblurred", "crop"),
    [("ifan-8", 8, 8, 256), ("ifan-26", 26, 9, 512), ("ifan-44", 44, 17, 704)],
)
def test_configurations_have_the_released_numbers(
    name: str, steps: int, reblurred: int, crop: int
) -> None:
    recipe = recipe_of(name)
    assert recipe.paper.crop_px == crop
    with torch.device("meta"):
        made = objective(recipe.objective, **recipe.objective_settings)
        network = baseline(name).build()
    assert isinstance(made, IFANObjective)
    assert made.reblur is not None
    assert made.reblur.steps == reblurred
    assert isinstance(network, IFAN)
    assert (
        made.reblur.RBF[0][0].in_channels
        == filter_channels(steps, 128)
        == network.F[-1].out_channels
    )


def test_recipe_follows_the_released_one() -> None:
    recipe = recipe_of("ifan")
    rates = [recipe.learning_rate("paper", epoch) for epoch in (0, 499, 500, 549, 550, 599)]
    assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 5e-5, 2.5e-5, 2.5e-5])
    assert (recipe.paper.steps, recipe.paper.batch, recipe.gradient_clip) == (600_000, 8, 0.5)
    assert (recipe.optimiser.name, recipe.optimiser.weight_decay) == ("radam", 0.01)
    assert recipe_of("ifan-16bit").bit_depth == 16
    assert recipe.bit_depth == 8


@pytest.mark.full
@pytest.mark.parametrize("filters", ["official", "corrected", "none"])
def test_one_batch_is_learnt(filters: str) -> None:
    torch.manual_seed(0)
    network = IFAN(2, filters=filters, channels=NARROW)  # type: ignore[arg-type]
    branch = None if filters == "none" else ReblurNet(filter_channels(2, 16), 2)
    losses = IFANObjective(disparity=True, reblur=branch)
    recipe = recipe_of("ifan")
    assert (
        loss_falls_to(network, losses, recipe, paired_batch(), steps=16, learning_rate=0.02) < 0.8
    )


def test_the_disparity_loss_trains_no_other_network() -> None:
    batch = paired_batch(16, 1)
    with pytest.raises(KeyError, match="disparity"):
        make(reblur=False)(nn.Conv2d(3, 3, 1), batch, Progress(0, 0.0))
