"""Narrow copies: small, of the same layers, trainable, and at first a copy of their input."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.objectives.jdrl import make as make_jdrl
from defocus.baselines.objectives.jdrl import one_picture
from defocus.baselines.recipe import DEMO, METHOD, TERMS
from defocus.baselines.registry import all_baselines
from defocus.baselines.size import shapes_alone
from defocus.baselines.weights import own as module
from defocus.baselines.weights.own import (
    find_narrow_weights,
    load_narrow_weights,
    narrow_card,
)
from defocus.errors import WeightsError

SYSTEMS = all_baselines()
TRAINED = {
    name: system
    for name, system in SYSTEMS.items()
    if system.recipe is not None and not system.card.variant_of
}
COPIES = {
    one.narrow.name: one.narrowed()
    for one in TRAINED.values()
    if one.narrow is not None
}
LEAST, MOST = 50_000, 500_000
SHIPPED_BYTES = 12_000_000
SHIPPED = {
    name: path for name, copy in COPIES.items() if (path := find_narrow_weights(copy))
}
MOST_CAST = 6 / 255
"""So far the mean of a colour may move, in parts of its whole range."""

NO_GRADIENT = {"dmenet", "score-sde-defocus"}
"""Restore by a classical deconvolution, and by a sampler."""

NEARLY = {"ggkmnet": 0.02, "dmenet": 0.05}
"""Copies that begin this near their input, at most. The first undoes a blur that is nearly none;
the second deconvolves, which smooths a little where nothing is blurred."""

SAMPLED = {"score-sde-defocus"}
"""Adds noise to the picture and takes it away again, whatever its weights."""

names = pytest.mark.parametrize("name", COPIES)


def build(copy: Baseline) -> nn.Module:
    torch.manual_seed(0)
    return copy.build()


def pictures(copy: Baseline) -> torch.Tensor:
    channels = 6 if copy.card.input == "dual" else 3
    coarse = torch.rand(1, channels, 4, 6, generator=torch.Generator().manual_seed(1))
    return nn.functional.interpolate(coarse, (32, 48), mode="bicubic").clamp(0, 1)


def test_every_trained_system_has_one_and_its_identity_says_so():
    for name, system in TRAINED.items():
        assert system.narrow is not None, f"{name} declares no narrow copy"
        copy = system.narrowed()
        assert copy.build.where == system.build.where
        assert copy.identity() != system.identity()
        assert copy.narrowed() == copy


@pytest.mark.full
def test_variants_have_one_that_can_be_built():
    for system in SYSTEMS.values():
        with shapes_alone():
            assert (
                any(True for _ in system.narrowed().build().parameters())
                or not system.recipe
            )


@names
def test_all_are_trained_alike(name):
    copy = COPIES[name]
    recipe = copy.recipe()
    assert (recipe.demo, recipe.optimiser) == (DEMO, METHOD.optimiser)
    own = copy.narrow is not None and copy.narrow.own_objective
    assert recipe.adversary is None or own
    if copy.card.kind != "objective" and not own:
        assert recipe.objective_settings == {"terms": TERMS}


def test_jdrl_beside_a_narrow_copy_begins_with_its_start_weights():
    recipe = SYSTEMS["jdrl-ifan"].narrowed().recipe
    criterion = make_jdrl(**recipe().objective_settings)
    assert (recipe().objective, criterion.own) == ("jdrl", None)
    assert 0 < criterion.settings.joint_from < recipe().epochs


@names
def test_it_is_small_and_learns(name):
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
    learning = [
        p for p in network.parameters() if p.grad is not None and bool(p.grad.any())
    ]
    assert learning


@names
@torch.no_grad()
def test_it_begins_at_its_input(name):
    copy = COPIES[name]
    blurry = pictures(copy)
    given = build(copy).eval()(blurry) - one_picture(blurry)
    if name not in SAMPLED:
        assert float(given.abs().max()) <= NEARLY.get(name, 1e-5)
    assert float(given.mean(dim=(0, 2, 3)).abs().max()) < 0.02, "a colour cast"


def test_shipped_start_weights_fit_and_are_small():
    for name, path in SHIPPED.items():
        copy, card = COPIES[name], narrow_card(path)
        network = build(copy)
        load_narrow_weights(network, path)
        facts = copy.identity()
        assert (card.narrow, card.revision) == (facts["narrow"], facts["revision"])
        assert card.licence == "MIT"
    assert sum(path.stat().st_size for path in SHIPPED.values()) <= SHIPPED_BYTES
    assert len({narrow_card(path).cpu_minutes for path in SHIPPED.values()}) <= 1


@pytest.mark.full
@pytest.mark.parametrize("name", SHIPPED)
@torch.no_grad()
def test_start_weights_pull_no_colour(name):
    """On a part of a photograph with strong colours, out of focus; the mean of red, green, blue."""
    copy = COPIES[name]
    network = build(copy)
    load_narrow_weights(network, SHIPPED[name])
    photograph = data.coffee()[96:160, 224:320].astype(np.float32) / 255
    blurred = torch.from_numpy(cv2.GaussianBlur(photograph, (0, 0), 1.5)).permute(
        2, 0, 1
    )[None]
    blurry = (
        torch.cat([blurred, blurred], dim=1) if copy.card.input == "dual" else blurred
    )
    cast = (network.eval()(blurry) - blurred).mean(dim=(0, 2, 3))
    assert float(cast.abs().max()) < MOST_CAST


def test_damaged_start_weights_are_refused(tmp_path, monkeypatch):
    copy = COPIES["nafnet"]
    network = build(copy)
    path = module.narrow_file(tmp_path, "nafnet")
    path.write_bytes(b"not these")
    monkeypatch.setattr(module, "own_folder", lambda system: tmp_path)
    assert find_narrow_weights(copy) == path
    with pytest.raises(WeightsError, match=r"nafnet-narrow\.json: cannot be read"):
        load_narrow_weights(network, path)
