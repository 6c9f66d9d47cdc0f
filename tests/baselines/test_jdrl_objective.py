"""The JDRL objective: directions of flow and warp, terms by phase, known shifts."""

from typing import Any

import pytest
import torch
from torch import nn

from defocus.align.flow.calibration_mask import paper_mask
from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objectives.jdrl import JDRLObjective, consistency_mask, make
from defocus.baselines.objectives.jdrl.reblur import FreeKernelNet, SingleKernelNet
from defocus.baselines.objectives.jdrl.settings import JDRLSettings
from defocus.baselines.objectives.rjdrl import make as make_rjdrl
from defocus.baselines.operators.reblurring.operator import isotropic_reblur
from defocus.errors import SettingsError
from tests.baselines.conftest import Constant

LATER = Progress(step=100, epoch=20.0, warmup_epochs=15)


class ScriptedFlow:
    """An estimator that gives the same flow each time and keeps what it was asked."""

    name = "scripted"
    weights_sha256 = ""

    def __init__(self, flow: torch.Tensor) -> None:
        self.flow = flow
        self.asked: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        assert not first.requires_grad
        assert not second.requires_grad
        self.asked.append((first, second))
        return self.flow


class KnownBlur(nn.Module):
    """A reblurring network that is right: a uniform 7 × 7 kernel."""

    def forward(self, restored: torch.Tensor, blurry: torch.Tensor) -> torch.Tensor:
        return blur(restored)


def blur(sharp: torch.Tensor) -> torch.Tensor:
    weights = torch.zeros(len(sharp), 8, *sharp.shape[-2:])
    weights[:, 3] = 1.0
    return isotropic_reblur(
        sharp, torch.zeros(len(sharp), 35, *sharp.shape[-2:]), weights
    )


def losses(objective: JDRLObjective, restored: torch.Tensor, batch: Batch) -> float:
    with torch.no_grad():
        loss, _ = objective(Constant(restored), batch, LATER)
    return float(loss)


@pytest.mark.full
def test_in_mixed_precision_flow_is_measured_in_full(shifted):
    objective, network = make(estimator="dis"), Constant(shifted(0, 0))
    batch = Batch(blur(shifted(0, 0)), shifted(5, 0))
    _, exact = objective(network, batch, LATER)
    with torch.autocast("cpu", torch.bfloat16):
        loss, parts = objective(network, batch, LATER)
    loss.backward()
    assert parts["flow_px"] == pytest.approx(float(exact["flow_px"]), abs=1e-5)
    assert parts["reblur"] == pytest.approx(float(exact["reblur"]), rel=0.05)
    assert all(
        p.grad is not None and p.grad.isfinite().all() for p in objective.parameters()
    )


def test_an_estimator_that_is_a_module_is_not_trained_along():
    class ModuleFlow(nn.Module):
        name, weights_sha256 = "module", ""

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(1))

    objective = JDRLObjective(estimator=ModuleFlow())
    assert all(
        name.startswith("reblurring.") for name, _ in objective.named_parameters()
    )
    assert objective.estimator.name == "module"


def test_dual_pixel_views_are_reblurred_to_their_mean(shifted):
    objective = make()
    objective.reblurring = KnownBlur()
    sharp = shifted(0, 0)
    views = torch.cat([blur(shifted(-1, 0)), blur(shifted(1, 0))], dim=1)
    _, parts = objective(Constant(sharp), Batch(views, sharp), LATER)
    mean = (views[:, :3] + views[:, 3:]) / 2
    assert parts["reblur"] == pytest.approx(
        float(charbonnier(blur(sharp), mean)), rel=1e-4
    )


def test_the_official_reading_is_a_bundle_of_defaults(refused):
    paper, official = JDRLSettings(), JDRLSettings(reading="official")
    assert (paper.mask, paper.warp, paper.warmup) == ("paper", "correct", "both")
    choices = (official.mask, official.warp, official.warmup, official.estimator)
    assert choices == ("official", "half-pixel", "forward", "pwcnet")
    assert JDRLSettings(reading="official", mask="none").mask == "none"
    with refused(SettingsError):
        make(maks="paper")


WITHOUT_EFFECT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"flow": "true"}, {"estimator": "dis", "weights": "flow.pth"}),
    (
        {"deformation": "none"},
        {
            "curriculum_px": 0.5,
            "band": 0.2,
            "estimator": "pwcnet",
            "weights": "flow.pth",
        },
    ),
    ({"mask": "none"}, {"band": 0.35}),
    ({"mask": "consistency"}, {"band": 0.2}),
    ({"kernels": "none"}, {"alpha": 0.5, "levels": 4, "operator": "torch"}),
    ({"kernels": "thin-lens"}, {"levels": 4, "operator": "torch"}),
    ({"kernels": "thin-lens-measured"}, {"levels": 4, "operator": "torch"}),
    ({"kernels": "free"}, {"operator": "compiled"}),
]


@pytest.mark.parametrize(("beside", "settings"), WITHOUT_EFFECT)
def test_a_setting_without_effect_is_refused_where_it_is_written(beside, settings):
    ((other, value),) = beside.items()
    for name, written in settings.items():
        with pytest.raises(SettingsError) as caught:
            make(**beside, **{name: written})
        assert str(caught.value) == (
            f"jdrl: {name} has no effect with {other} = {value!r}; leave {name} out"
        )
    for name in {"curriculum_px", "weights"} & settings.keys():
        make(**beside, **{name: None})  # no value


@pytest.mark.parametrize(
    ("maker", "settings"),
    [(make, {"warmup": "forward"}), (make, {"reading": "official"}), (make_rjdrl, {})],
)
def test_a_warm_up_that_warps_the_target_is_refused_where_the_output_alone_is_deformed(
    maker, settings, refused
):
    with refused(SettingsError):
        maker(deformation="output", **settings)
    maker(deformation="output", **{**settings, "warmup": "both"})


@pytest.mark.full
@pytest.mark.parametrize("settings", [{"flow": "true"}, {"deformation": "none"}])
def test_what_the_official_reading_stands_for_was_not_written(settings, refused):
    make(reading="official", **settings)
    with refused(SettingsError):
        make(reading="official", estimator="dis", **settings)


def zoom(px_at_rim: float, side: int = 96) -> torch.Tensor:
    """The flow of a zoom about the centre."""
    place = torch.linspace(-px_at_rim, px_at_rim, side)
    return torch.stack(torch.meshgrid(place, place, indexing="xy"))[None]


def test_masks_keep_what_they_should(shifted):
    """The band keeps about half of a zoom or of noise, the consistency all but the rim."""
    there, back = zoom(2.0), zoom(-2.0 / (1 + 2 * 2.0 / 95))
    kept = float(consistency_mask(there, back).mean())
    assert 0.9 < kept < 1.0  # what the zoom brings from outside is left out
    assert not consistency_mask(there, back)[..., 0].any()
    assert 0.5 < float(paper_mask(there).mean()) < 0.7
    noise = 0.2 * torch.randn(1, 2, 96, 96, generator=torch.Generator().manual_seed(0))
    assert float(consistency_mask(noise, -noise).mean()) > 0.9
    assert float(paper_mask(noise).mean()) < 0.6


def test_the_consistency_mask_leaves_out_what_one_frame_hides():
    """A square moves right by 6 px over a still ground; what it comes to cover has no way back."""
    there, back = torch.zeros(1, 2, 64, 64), torch.zeros(1, 2, 64, 64)
    there[:, 0, 20:40, 20:40] = 6.0
    back[:, 0, 20:40, 26:46] = -6.0
    mask = consistency_mask(there, back)[0, 0]
    assert mask[25:35, 21:39].all()
    assert not mask[25:35, 41:45].any()
    assert mask[:15].all()


def test_the_masks_of_the_settings_are_used(shifted):
    blurry, target = shifted(0, 0), shifted(2, 0)
    kept = {}
    kind: Any
    for kind in ("paper", "official", "consistency", "none"):
        settings = JDRLSettings(mask=kind, kernels="none")
        objective = JDRLObjective(settings, ScriptedFlow(zoom(3.0)))
        kept[kind] = objective(Constant(blurry), Batch(blurry, target), LATER)[1][
            "mask_kept_share"
        ]
    assert kept["none"] == 1.0
    assert len({round(float(share), 4) for share in kept.values()}) == 4


def test_without_deformation_pictures_are_compared_in_place(shifted):
    objective = make(deformation="none", kernels="none")
    restored, target = shifted(0, 0), shifted(3, 0)
    loss, parts = objective(Constant(restored), Batch(restored, target), LATER)
    assert loss.item() == pytest.approx(2 * float(charbonnier(restored, target)))
    assert parts["flow_px"] == 0.0
    assert "reblur" not in parts
    assert not list(objective.parameters())


def test_free_kernels_can_shift_and_isotropic_ones_cannot(shifted):
    sharp = shifted(0, 0)[..., :40, :40]
    free: Any = FreeKernelNet()
    single: Any = SingleKernelNet()
    with torch.no_grad():
        for parameter in free.parameters():
            parameter.zero_()
        free.kernel_map_gene.out.bias[2] = 100.0  # the 5 x 5 level
        free.kpn.out.bias[9 + 2 * 5 + 4] = 100.0  # its tap two columns to the right
        moved = free(sharp, sharp)
        torch.testing.assert_close(moved[..., :-2], sharp[..., 2:], rtol=0, atol=1e-4)
        flat = single(torch.full_like(sharp, 0.5), sharp)
    torch.testing.assert_close(flat[..., 7:-7, 7:-7], torch.full((1, 3, 26, 26), 0.5))
    assert single.kpn.out.out_channels == 8


def test_fewer_levels_reach_less_far():
    network: Any = make(levels=4).reblurring
    assert (network.kpn.out.out_channels, network.kernel_map_gene.out.out_channels) == (
        9,
        4,
    )


def test_around_a_network_of_its_own_training_there_are_three_phases(shifted):
    pretraining = {"objective": "supervised", "epochs": 10.0}
    objective = make(pretraining=pretraining, reblur_epochs=5.0)
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Dropout(0.5))
    batch = Batch(shifted(0, 0)[..., :32, :32], shifted(2, 0)[..., :32, :32])

    def gradients(epoch: float) -> tuple[bool, bool, set[str]]:
        for module in (network, objective):
            module.zero_grad()
        loss, parts = objective(network, batch, Progress(0, epoch))
        loss.backward()
        assert objective.reblurring is not None
        norms = [
            any(p.grad is not None for p in module.parameters())
            for module in (network, objective.reblurring)
        ]
        assert network.training
        return norms[0], norms[1], set(parts)

    assert gradients(9.0) == (True, False, set())
    assert gradients(12.0) == (False, True, {"reblur"})
    network_learns, reblurring_learns, parts = gradients(15.0)
    assert network_learns
    assert reblurring_learns
    assert {"deblur_forward", "deblur_reverse", "reblur", "mask_kept_share"} <= parts
