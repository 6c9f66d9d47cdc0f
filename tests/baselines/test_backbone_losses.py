"""Losses on backbones: without the file, with a wrong one, and with one of known weights."""

import dataclasses
import hashlib
from pathlib import Path

import pytest
import torch
from torch.nn.functional import mse_loss

import defocus.baselines.losses.lpips as lpips_module
import defocus.baselines.losses.perceptual as perceptual_module
from defocus.baselines.losses.perceptual import Perceptual, vgg19
from defocus.baselines.objective_registry import loss
from defocus.baselines.weights import backbones as backbone
from defocus.baselines.weights.backbone_files import ALEXNET, VGG19, BackboneFile
from defocus.errors import WeightsError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    backbone._say_missing.cache_clear()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(2, 3, 40, 36, generator=generator)
    return first, torch.rand(2, 3, 40, 36, generator=generator)


@pytest.mark.parametrize("name", ["perceptual", "lpips"])
def test_without_the_file_it_is_zero_and_said_once(name, capfd):
    first, second = pictures()
    assert float(loss(name)(first, second)) == 0.0
    loss(name)
    said = capfd.readouterr().err
    assert said.count(f"the {name} loss is left out") == 1
    assert "https://download.pytorch.org" in said


@pytest.mark.parametrize("name", ["perceptual", "lpips"])
def test_where_the_published_training_is_wanted_it_is_an_error(name, refused):
    with backbone.all_required(), refused(WeightsError):
        loss(name)
    assert float(loss(name)(*pictures())) == 0.0


def test_a_wrong_file_is_refused(home, refused):
    (home / VGG19.filename).write_bytes(b"something else")
    with refused(WeightsError):
        loss("perceptual")


def stored_as(
    file: BackboneFile, state: dict[str, torch.Tensor], home: Path
) -> BackboneFile:
    """Put weights where the file would lie; returns it with their hash."""
    path = home / file.filename
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return dataclasses.replace(file, sha256_prefix=digest[:8])


def test_the_perceptual_loss_is_the_distance_of_the_layer_named(home, monkeypatch):
    torch.manual_seed(0)
    layers = vgg19(4)
    state = {f"features.{name}": value for name, value in layers.state_dict().items()}
    file = stored_as(VGG19, state | {"classifier.0.bias": torch.zeros(1)}, home)
    monkeypatch.setattr(perceptual_module, "VGG19", file)
    first, second = pictures()
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        shown = (layers((picture - mean) / deviation) for picture in (first, second))
        expected = mse_loss(*shown)
        swapped = mse_loss(layers(first.flip(1)), layers(second.flip(1)))
    torch.testing.assert_close(loss("perceptual", last=4)(first, second), expected)
    plain = loss("perceptual", last=4, colour_order="bgr", normalise=False)
    torch.testing.assert_close(plain(first, second), swapped)


def test_distances_of_earlier_layers_are_added_before_their_activations():
    torch.manual_seed(0)
    layers = backbone.frozen(vgg19(7))
    first, second = pictures()
    compare = Perceptual(layers, normalise=False, distance="l1", earlier=[2])
    expected = sum(
        (layers[: last + 1](first) - layers[: last + 1](second)).abs().mean()
        for last in (2, 7)
    )
    torch.testing.assert_close(compare(first, second), expected)


def test_only_the_output_gets_a_gradient():
    torch.manual_seed(0)
    first, second = (picture.requires_grad_() for picture in pictures())
    compare = Perceptual(backbone.frozen(vgg19(2)), distance="l1")
    compare(first, second).backward()
    assert first.grad is not None
    assert second.grad is None
    assert all(parameter.grad is None for parameter in compare.backbone.parameters())


@pytest.mark.full
def test_lpips_is_the_package_s_own_and_feels_the_forgotten_range(home, monkeypatch):
    import lpips

    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="weights"):
        model = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    names = {
        name: f"features.{name.split('.', 1)[1]}" for name in model.net.state_dict()
    }
    state = {names[name]: value for name, value in model.net.state_dict().items()}
    monkeypatch.setattr(lpips_module, "ALEXNET", stored_as(ALEXNET, state, home))
    first, second = pictures()
    with torch.no_grad():
        right = model(2 * first - 1, 2 * second - 1).mean()
        forgotten = model(first, second).mean()
        swapped = model(2 * first.flip(1) - 1, 2 * second.flip(1) - 1).mean()
    torch.testing.assert_close(loss("lpips")(first, second), right)
    torch.testing.assert_close(loss("lpips", normalise=False)(first, second), forgotten)
    torch.testing.assert_close(
        loss("lpips", colour_order="bgr")(first, second), swapped
    )
