"""Narrow copies: small, of the same layers, trainable, and at first a copy of their input."""

from pathlib import Path

import pytest
import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.declared import Network
from defocus.baselines.objective import Batch, outputs_of
from defocus.baselines.objectives.ifan.objective import make as make_ifan
from defocus.baselines.registry import all_baselines
from defocus.baselines.weights import narrow as module
from defocus.baselines.weights.narrow import find_narrow_weights, load_narrow_weights, narrow_card
from defocus.errors import WeightsError

SYSTEMS = all_baselines()
TRAINED = {
    name: system
    for name, system in SYSTEMS.items()
    if system.recipe is not None and not system.card.variant_of
}
COPIES = {one.narrow.name: one.narrowed() for one in TRAINED.values() if one.narrow is not None}
LEAST, MOST = 50_000, 500_000
SHIPPED_BYTES = 12_000_000

NO_GRADIENT = {"dmenet", "score-sde-defocus"}
"""Restore by a classical deconvolution, and by a sampler."""

FROM_ANYTHING = {
    "aifnet", "cyclegan", "daeformer", "defocusgan", "dmenet", "dmphn", "drbnet", "gkmnet", "mdp",
    "nrknet", "p2ikt", "score-sde-defocus",
}  # fmt: skip
"""Copies that can't begin at their input: the paper's network makes the whole picture itself."""

NEARLY = {"unet", "rjdrl-unet", "dpdnet-single", "ggkmnet"}
"""Copies that begin within 0.02 of their input: a sigmoid is undone piece by piece."""

BORDER_PX = 6
"""Here contextual-deblur reflects, whatever its weights."""

names = pytest.mark.parametrize("name", COPIES)


def build(copy: Baseline) -> nn.Module:
    torch.manual_seed(0)
    return copy.build()


def pictures(copy: Baseline) -> torch.Tensor:
    channels = 6 if copy.card.input == "dual" else 3
    return torch.rand(1, channels, 32, 48, generator=torch.Generator().manual_seed(1))


def test_every_trained_system_has_one_and_its_identity_says_so() -> None:
    for name, system in TRAINED.items():
        assert system.narrow is not None, f"{name} declares no narrow copy"
        assert isinstance(system.build, Network)
        copy = system.narrowed()
        assert isinstance(copy.build, Network)
        assert copy.build.where == system.build.where
        assert copy.identity() != system.identity()
        assert copy.narrowed() == copy


def test_ifans_objective_fits_its_narrow_copy() -> None:
    copy = TRAINED["ifan"].narrowed()
    assert copy.recipe is not None
    reblur = make_ifan(**copy.recipe().objective_settings).reblur
    assert reblur is not None
    picture = torch.rand(1, 3, 64, 64)
    filters = outputs_of(copy.build(), Batch(picture, picture))["filters"]
    assert reblur(picture, filters).shape == (1, 3, 8, 8)


@names
def test_it_is_small_and_learns(name: str) -> None:
    copy = COPIES[name]
    network, blurry = build(copy), pictures(copy)
    assert LEAST <= sum(one.numel() for one in network.parameters()) <= MOST
    restored = network.train()(blurry)
    assert restored.shape == (1, 3, 32, 48)
    assert torch.isfinite(restored).all()
    if name in NO_GRADIENT:
        return
    target = torch.zeros_like(restored)
    nn.functional.mse_loss(restored, target).backward()
    learning = [p for p in network.parameters() if p.grad is not None and bool(p.grad.any())]
    assert learning


@names
@torch.no_grad()
def test_it_begins_at_its_input_where_the_network_can(name: str) -> None:
    copy = COPIES[name]
    blurry = pictures(copy)
    inner = (..., slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))
    away = float((build(copy).eval()(blurry) - blurry[:, :3])[inner].abs().max())
    if name in FROM_ANYTHING:
        assert away > 0.1, "it can: say so, and take it from the list"
    else:
        assert away <= (0.02 if name in NEARLY else 1e-6)


def test_shipped_start_weights_fit_and_are_small() -> None:
    files = {name: path for name, copy in COPIES.items() if (path := find_narrow_weights(copy))}
    for name, path in files.items():
        copy, card = COPIES[name], narrow_card(path)
        network = build(copy)
        load_narrow_weights(network, path)
        facts = copy.identity()
        assert (card.narrow, card.revision) == (facts["narrow"], facts["revision"])
        assert card.licence == "MIT"
    assert sum(path.stat().st_size for path in files.values()) <= SHIPPED_BYTES
    assert len({narrow_card(path).cpu_minutes for path in files.values()}) <= 1


def test_damaged_start_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = COPIES["nafnet"]
    network = build(copy)
    path = module.narrow_file(tmp_path, "nafnet")
    path.write_bytes(b"not these")
    monkeypatch.setattr(module, "own_folder", lambda system: tmp_path)
    assert find_narrow_weights(copy) == path
    with pytest.raises(WeightsError, match=r"nafnet-narrow\.json: damaged"):
        load_narrow_weights(network, path)
