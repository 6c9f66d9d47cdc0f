"""Settings of JDRL beyond the paper: true flow, thin lens, output alone, small flow first."""

import pytest
import torch

from defocus.align.sampling.warp import inverse, warp
from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.losses.geman_mcclure import geman_mcclure
from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objectives.jdrl import make
from defocus.baselines.objectives.jdrl.reblur import LARGEST_PX, reblurred_by_map
from defocus.baselines.registry import baseline
from defocus.baselines.wrapping import retrained
from defocus.errors import SettingsError
from defocus.scene.aperture import disc_psf
from tests.baselines.conftest import Constant

LATER = Progress(step=100, epoch=20.0, warmup_epochs=15)


def smooth_flow(largest_px: float) -> torch.Tensor:
    """A zoom with a turn: neighbouring pixels move nearly alike."""
    across = torch.linspace(-1, 1, 96)[None, :].expand(96, 96)
    return (
        largest_px
        * torch.stack([across - 0.5 * across.T, across.T + 0.5 * across])[None]
    )


def test_the_inverse_leads_back():
    flow = smooth_flow(5.0)
    back = inverse(flow)
    missed = (back + warp(flow, back))[..., 12:-12, 12:-12]  # no border values
    assert float(missed.abs().max()) < 1e-3
    assert float(back.abs().max()) > 3


def test_the_true_flow_is_used_and_nothing_is_measured(shifted):
    blurry, target = shifted(0, 0), shifted(3, -2)
    objective = make(flow="true", mask="none", kernels="none")
    true_flow = (
        torch.tensor([3.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 96, 96).contiguous()
    )

    def loss(flow: torch.Tensor) -> float:
        with torch.no_grad():
            batch = Batch(blurry, target, supervision={"flow": flow})
            return float(objective(Constant(blurry), batch, LATER)[0])

    borders = 8 * 3 / 96 * float(charbonnier(blurry, target))
    assert loss(true_flow) < 2 * objective.settings.epsilon + borders
    assert loss(-true_flow) > 3 * loss(true_flow)


@pytest.mark.parametrize(
    "settings",
    [{"flow": "true"}, {"kernels": "thin-lens"}, {"kernels": "thin-lens-measured"}],
)
def test_what_the_recipe_does_not_ask_for_is_named(shifted, settings, refused):
    picture = shifted(0, 0)
    with refused(SettingsError):
        make(**settings)(Constant(picture), Batch(picture, picture), LATER)


@pytest.mark.parametrize(
    "settings",
    [
        *(
            {"kernels": kernels, "reblur_epochs": 5.0}
            for kernels in ("thin-lens", "thin-lens-measured", "none")
        ),
        {"reblur_alone": "target"},
        {"flow": "true", "deformation": "none"},
    ],
)
def test_settings_that_contradict_each_other_are_refused_before_training(
    settings, refused
):
    with refused(SettingsError):
        make(**settings)


def test_reblurring_learns_on_targets_that_the_true_flow_aligned(shifted):
    """The target lies 40 px away, which no estimator measures here."""
    picture = shifted(0, 0)
    target = torch.roll(picture, (40, 40), dims=(2, 3))
    flow = torch.full((1, 2, 96, 96), 40.0)
    settings = {
        "flow": "true",
        "reblur_epochs": 10.0,
        "reblur_alone": "target",
        "features": 8,
    }
    alone = Progress(step=0, epoch=5.0, warmup_epochs=0)
    objective = make(**settings)
    seen = []
    objective.reblurring.register_forward_pre_hook(
        lambda _, given: seen.append(given[0])
    )
    objective(
        Constant(picture), Batch(picture, target, supervision={"flow": flow}), alone
    )
    torch.testing.assert_close(seen[0][..., :50, :50], picture[..., :50, :50])


@pytest.mark.full
def test_reblurring_that_was_learned_on_targets_stays_as_it_is(shifted):
    sharp, target = shifted(0, 0), shifted(2, 0)
    blurry = reblurred_by_map(sharp, torch.full((1, 1, 96, 96), 5.0))
    settings = {"reblur_epochs": 10.0, "reblur_alone": "target", "features": 8}
    objective, network = make(**settings), Constant(blurry)
    alone = Progress(step=0, epoch=5.0, warmup_epochs=0)
    # as a trial step before the training does
    objective(network, Batch(blurry, target), LATER)
    optimiser = torch.optim.Adam([*objective.parameters(), *network.parameters()], 2e-3)
    for _ in range(60):
        loss, parts = objective(network, Batch(blurry, target), alone)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert set(parts) == {"reblur"}
    assert torch.equal(network.picture, blurry)  # it got no gradient
    # a network that saw the blurry picture alone would be the identity
    with torch.no_grad():
        blurred = objective.reblurring(sharp, blurry)
    assert float(charbonnier(blurred, blurry)) < 0.7 * float(charbonnier(sharp, blurry))
    learned = {
        name: one.clone() for name, one in objective.reblurring.state_dict().items()
    }
    optimiser.zero_grad()
    objective(network, Batch(blurry, target), LATER)[0].backward()
    optimiser.step()
    assert network.picture.grad is not None
    after = objective.reblurring.state_dict()
    assert all(torch.equal(after[name], one) for name, one in learned.items())


def test_the_output_alone_is_deformed(shifted):
    restored, target = shifted(0, 0), shifted(2, 1)
    objective = make(deformation="output", kernels="none")
    batch = Batch(restored, target)
    with torch.no_grad():
        loss, parts = objective(Constant(restored), batch, LATER)
        both, of_both = make(kernels="none")(Constant(restored), batch, LATER)
    assert set(parts) == {"deblur_reverse", "mask_kept_share_reverse"}
    assert float(loss) == pytest.approx(of_both["deblur_reverse"])
    assert float(both) == pytest.approx(
        of_both["deblur_forward"] + of_both["deblur_reverse"]
    )


@pytest.mark.parametrize(("epoch", "kept"), [(20.0, 1), (31.0, 2), (46.0, 3)])
def test_crops_with_a_large_flow_join_later(shifted, epoch, kept):
    """The limit is 1 px, and 2 px after 15 epochs, 4 px after 30, 8 px after 45."""
    shifts = [(1, 0), (3, 0), (0, 6)]
    blurry = torch.cat([shifted(0, 0)] * 3)
    batch = Batch(blurry, torch.cat([shifted(*shift) for shift in shifts]))
    objective = make(curriculum_px=1.0, mask="none", kernels="none")
    progress = Progress(step=1, epoch=epoch, warmup_epochs=15)
    _, parts = objective(Constant(blurry), batch, progress)
    assert parts["mask_kept_share"] == pytest.approx(kept / 3)


@pytest.mark.parametrize("deformation", ["cycle", "output"])
def test_a_crop_with_a_large_flow_teaches_nothing_before_it_joins(shifted, deformation):
    """Neither the target that is warped nor the output that is warped."""
    blurry = torch.cat([shifted(0, 0)] * 2)
    batch = Batch(blurry, torch.cat([shifted(1, 0), shifted(0, 6)]))
    network = Constant(blurry)
    settings = {"curriculum_px": 1.0, "mask": "none", "kernels": "none"}
    make(**settings, deformation=deformation)(network, batch, LATER)[0].backward()
    near, far = network.picture.grad.abs().sum(dim=(1, 2, 3)).tolist()
    assert near > 0
    assert far == 0


def test_a_point_becomes_the_disc_of_its_diameter_in_linear_light():
    point = torch.zeros(1, 3, 25, 25)
    point[..., 12, 12] = 1.0
    for diameter in (5, 8):
        blurred = reblurred_by_map(point, torch.full((1, 1, 25, 25), float(diameter)))
        encoded = blurred[0, 0].double()
        linear = torch.where(
            encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
        )
        disc = torch.from_numpy(disc_psf(diameter))
        half = disc.shape[0] // 2
        seen = linear[12 - half : 13 + half, 12 - half : 13 + half]
        torch.testing.assert_close(seen, disc, atol=1e-6, rtol=1e-4)
        assert float(linear.sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_discs_are_drawn_in_full_precision_under_autocast(precision):
    """Pictures and sizes of any kind: an odd size, a batch of one."""
    draws = torch.Generator().manual_seed(1)
    picture = torch.rand(1, 3, 33, 47, generator=draws).to(precision)
    diameters = 12 * torch.rand(1, 1, 33, 47, generator=draws)
    exact = reblurred_by_map(picture.float(), diameters)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(reblurred_by_map(picture, diameters), exact)


def test_discs_of_the_true_map_ask_for_the_sharp_picture(shifted):
    sharp, diameters = shifted(0, 0), torch.full((1, 1, 96, 96), 5.0)
    blurry = reblurred_by_map(sharp, diameters)
    objective = make(kernels="thin-lens")
    batch = Batch(blurry, sharp, supervision={"defocus_map": diameters})
    assert float(objective.reblur_loss(sharp, batch)) == pytest.approx(
        objective.settings.epsilon
    )
    assert float(objective.reblur_loss(blurry, batch)) > 5 * objective.settings.epsilon


def test_discs_of_the_measured_blur_judge_only_where_it_is_known(shifted):
    sharp, diameters = shifted(0, 0), torch.full((1, 1, 96, 96), 5.0)
    blurry = reblurred_by_map(sharp, diameters)
    diameters[..., :40] = torch.nan
    wrong = torch.where(diameters.isfinite(), blurry, 1 - blurry)
    objective = make(kernels="thin-lens-measured")
    batch = Batch(wrong, sharp, supervision={"measured_blur": diameters})
    shown = sharp.clone().requires_grad_()
    loss = objective.reblur_loss(shown, batch)
    assert float(loss.detach()) == pytest.approx(objective.settings.epsilon)
    loss.backward()
    assert bool(torch.isfinite(shown.grad).all())
    assert float(shown.grad[..., :30].abs().max()) == 0
    assert float(objective.reblur_loss(blurry, batch)) > 4 * objective.settings.epsilon


def test_a_picture_that_is_sharper_than_its_target_is_not_blurred():
    picture = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    same = reblurred_by_map(picture, torch.full((1, 1, 24, 24), -4.0))
    torch.testing.assert_close(same, picture)


def test_each_pixel_has_its_own_disc_and_the_picture_a_gradient():
    picture = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    diameters = torch.ones(1, 1, 40, 40)
    diameters[..., 20:] = 6.4
    shown = picture.clone().requires_grad_()
    blurred = reblurred_by_map(shown, diameters)
    torch.testing.assert_close(blurred[..., :20], picture[..., :20])
    assert float((blurred - picture)[..., 20:].abs().mean().detach()) > 0.1
    ends = [
        reblurred_by_map(picture, torch.full((1, 1, 40, 40), float(d))) for d in (6, 7)
    ]
    low, high = torch.minimum(*ends)[..., 20:], torch.maximum(*ends)[..., 20:]
    between = blurred.detach()[..., 20:]
    assert bool(((between >= low - 1e-6) & (between <= high + 1e-6)).all())
    blurred.sum().backward()
    assert shown.grad is not None
    assert bool(torch.isfinite(shown.grad).all())
    largest = torch.full((1, 1, 40, 40), float(LARGEST_PX))
    torch.testing.assert_close(
        reblurred_by_map(picture, 3 * largest), reblurred_by_map(picture, largest)
    )


def test_the_robust_loss_is_least_at_the_most_frequent_value():
    """Of pictures displaced in all directions, the median is blurred and the mode is not."""
    seen = torch.tensor([0.1, 0.12, 0.11, 0.5, 0.9, 0.95, 0.7])
    tried = torch.linspace(0, 1, 101)
    robust = [float(geman_mcclure(value.expand(7), seen)) for value in tried]
    absolute = [float(charbonnier(value.expand(7), seen)) for value in tried]
    assert float(tried[min(range(101), key=robust.__getitem__)]) == pytest.approx(
        0.11, abs=0.011
    )
    assert float(tried[min(range(101), key=absolute.__getitem__)]) == pytest.approx(
        0.5, abs=0.011
    )
    assert float(
        geman_mcclure(torch.tensor([0.4]), torch.tensor([0.1]), 0.3)
    ) == pytest.approx(0.5)


MEASURED = {"kernels": "thin-lens-measured"}
MASKED = {"objective": "registered", "settings": {"masked": True}, "epochs": 50}
FLOW = {"target": "registered-flow"}


@pytest.mark.parametrize(
    ("objective", "settings", "needed"),
    [
        ("jdrl", {}, {}),
        ("jdrl", MEASURED, {"supervision": ("measured_blur",)}),
        ("jdrl", {"kernels": "thin-lens"}, {"supervision": ("defocus_map",)}),
        (
            "jdrl",
            {"kernels": "thin-lens", "flow": "true"},
            {"supervision": ("flow", "defocus_map")},
        ),
        (
            "jdrl",
            {**MEASURED, "pretraining": MASKED},
            {**FLOW, "supervision": ("valid_mask", "measured_blur")},
        ),
        ("registered", {"refined": True}, {"target": "registered"}),
        ("registered", {"masked": True}, {**FLOW, "supervision": ("valid_mask",)}),
    ],
)
def test_a_network_with_another_objective_is_given_what_the_settings_need(
    objective, settings, needed
):
    own = baseline("unet").recipe
    network = retrained(own(), objective, settings)
    same = own().model_copy(
        update={"objective": objective, "objective_settings": settings}
    )
    assert network == same.model_copy(update=needed)
