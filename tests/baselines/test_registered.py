"""Training on registered pairs: the remaining displacement, its objective, its recipes."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.objectives.registered import (
    LARGEST_PX,
    moved_by,
    remaining_displacement,
)
from defocus.baselines.registry import baseline, with_objective
from defocus.errors import SettingsError

INNER = (..., slice(16, -16), slice(16, -16))


@pytest.fixture(scope="module")
def scene():
    """``(2, 3, 128, 128)``, details of 4 px and more."""
    coarse = torch.rand(2, 3, 34, 34, generator=torch.Generator().manual_seed(3))
    return functional.interpolate(coarse, scale_factor=4, mode="bicubic")[
        ..., 4:-4, 4:-4
    ].clamp(0, 1)


def shifted(picture: torch.Tensor, x: float, y: float) -> torch.Tensor:
    """The picture moved by the same displacement everywhere."""
    count, _, height, width = picture.shape
    field = torch.tensor([x, y]).view(1, 2, 1, 1).expand(count, 2, height, width)
    return moved_by(picture, field)


def test_whole_pixels_are_moved_exactly(scene):
    torch.testing.assert_close(
        shifted(scene, 2, -1)[INNER],
        scene.roll((1, -2), (2, 3))[INNER],
        rtol=0,
        atol=2e-5,
    )
    torch.testing.assert_close(shifted(scene, 0, 0), scene, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("x", "y"), [(0.3, -0.2), (-0.45, 0.1), (0.0, 0.5)])
def test_a_planted_displacement_is_found(scene, x, y):
    seen = shifted(scene, x, y)
    displacement = remaining_displacement(seen, scene, 32)
    assert displacement.shape == (2, 2, 128, 128)
    assert displacement[INNER][:, 0].mean().item() == pytest.approx(x, abs=0.04)
    assert displacement[INNER][:, 1].mean().item() == pytest.approx(y, abs=0.04)
    left = (moved_by(scene, displacement) - seen)[INNER].square().mean()
    assert left < 0.05 * (scene - seen)[INNER].square().mean()


def test_displacements_differ_between_places(scene):
    seen = torch.cat(
        [shifted(scene, 0.4, 0)[..., :64], shifted(scene, -0.4, 0)[..., 64:]], dim=3
    )
    displacement = remaining_displacement(seen, scene, 32)[:, 0, 16:-16]
    assert displacement[..., 16:40].mean().item() == pytest.approx(0.4, abs=0.08)
    assert displacement[..., 88:112].mean().item() == pytest.approx(-0.4, abs=0.08)


def test_noise_and_large_changes_move_little(scene):
    random = torch.Generator().manual_seed(1)
    flat = torch.full_like(scene, 0.5)
    noisy = flat + 0.01 * torch.randn(flat.shape, generator=random)
    assert remaining_displacement(noisy, flat, 32).abs().max() == 0
    assert remaining_displacement(flat, noisy, 32).abs().max() < 0.15
    assert remaining_displacement(scene, scene.flip(3), 32).abs().max() <= LARGEST_PX


class _Same(nn.Module):
    """Gives its input, times a factor that can be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return self.factor * blurry


def test_the_loss_is_taken_where_the_output_shows_the_target(scene):
    batch, progress = Batch(shifted(scene, 0.4, 0.3), scene), Progress(0, 0.0)
    plain, parts = objective("registered")(_Same(), batch, progress)
    assert parts == {}
    torch.testing.assert_close(plain, charbonnier(batch.blurry, scene))
    refined, parts = objective("registered", refined=True)(_Same(), batch, progress)
    assert refined.item() < 0.4 * plain.item()
    assert parts["moved_px"] == pytest.approx(0.5, abs=0.08)


def test_no_gradient_passes_through_the_displacement(scene):
    batch, network = Batch(shifted(scene, 0.4, 0.3), scene), _Same()
    objective("registered", refined=True)(network, batch, Progress(0, 0.0))[
        0
    ].backward()
    target = moved_by(scene, remaining_displacement(batch.blurry, scene, 32))
    same = _Same()
    charbonnier(same(batch.blurry), target).backward()
    assert network.factor.grad is not None
    torch.testing.assert_close(network.factor.grad, same.factor.grad)


def masked(batch: Batch, mask: torch.Tensor) -> Batch:
    return replace(batch, supervision={"valid_mask": mask})


def half_mask(scene: torch.Tensor) -> torch.Tensor:
    """Valid on the left."""
    mask = torch.zeros_like(scene[:, :1])
    mask[..., :64] = 1
    return mask


@pytest.mark.parametrize("refined", [False, True])
def test_a_full_mask_changes_nothing_and_an_empty_one_teaches_nothing(
    scene, *, refined
):
    batch, progress = Batch(shifted(scene, 0.4, 0.3), scene), Progress(0, 0.0)
    plain, parts = objective("registered", refined=refined)(_Same(), batch, progress)
    of_mask, network = objective("registered", refined=refined, masked=True), _Same()
    loss, full = of_mask(
        network, masked(batch, torch.ones_like(scene[:, :1])), progress
    )
    torch.testing.assert_close(loss, plain)
    assert full == {**parts, "mask_kept_share": 1}
    loss, empty = of_mask(
        network, masked(batch, torch.zeros_like(scene[:, :1])), progress
    )
    loss.backward()
    assert loss.item() == empty["mask_kept_share"] == 0
    assert network.factor.grad.item() == 0


def test_garbage_outside_the_mask_has_no_effect(scene):
    """The mean is over the pixels that count: the loss does not fall with their share."""
    garbage = scene.clone()
    garbage[..., 64:] = float("nan")
    blurry, network = shifted(scene, 0.4, 0.3), _Same()
    batch = masked(Batch(blurry, garbage), half_mask(scene))
    loss, parts = objective("registered", masked=True)(network, batch, Progress(0, 0.0))
    loss.backward()
    same = _Same()
    expected = charbonnier(same(blurry[..., :64]), scene[..., :64])
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(network.factor.grad, same.factor.grad)
    assert parts == {"mask_kept_share": 0.5}


def test_a_recipe_that_asks_for_no_mask_is_told(scene, refused):
    with refused(SettingsError):
        objective("registered", masked=True)(
            _Same(), Batch(scene, scene), Progress(0, 0.0)
        )


@pytest.mark.parametrize("settings", [{"alpha": 1}, {"tile_px": 1}, {"tile_px": 9}])
def test_unknown_settings_are_refused(settings, refused):
    with refused(SettingsError):
        objective("registered", **settings)


def test_any_network_can_be_trained_on_registered_pairs():
    own = baseline("nafnet")
    wrapped = with_objective(own, "registered")
    assert wrapped.card.name == "registered-nafnet"
    changed = {
        "objective": "registered",
        "objective_settings": {},
        "target": "registered",
    }
    assert wrapped.recipe() == own.recipe().model_copy(update=changed)
    registered, plain = baseline("registered-unet"), baseline("unet")
    assert with_objective(plain, "registered") is registered
    assert registered.card.status == "own"
    assert registered.recipe() == plain.recipe().model_copy(update=changed)
    assert registered.narrow == plain.narrow  # the same start weights


def test_jdrl_on_registered_pairs_differs_from_jdrl_by_its_pairs_alone():
    joint, registered = (
        baseline(name) for name in ("jdrl-unet", "jdrl-unet-registered")
    )
    update = {"target": "registered"}
    assert registered.recipe() == joint.recipe().model_copy(update=update)
