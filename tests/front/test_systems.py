"""Systems by name, ready to restore; and their weights."""

import pytest
import torch
from safetensors.torch import save_file

import defocus
from defocus.baselines.registry import all_baselines
from defocus.baselines.weights import own as module
from defocus.baselines.weights.own import OwnCard
from defocus.errors import ImageError, InputError, WeightsError
from defocus.storage.files import sha256_file, write_json

BLURRY = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))


def test_systems_are_listed_by_pattern():
    assert defocus.list_systems() == sorted(all_baselines())
    assert defocus.list_systems("kpac*") == [
        n for n in all_baselines() if n.startswith("kpac")
    ]


@pytest.mark.parametrize("name", ["wiener", "unet"])
def test_a_system_is_loaded(name):
    network = defocus.load(name)
    assert not network.training
    with torch.no_grad():
        assert network(BLURRY).shape == BLURRY.shape


@pytest.mark.full
def test_a_loaded_network_refuses_nonsense(refused):
    network = defocus.load("unet")
    with refused(ImageError):
        network((BLURRY * 65535).to(torch.uint16))
    with refused(ImageError):
        network(BLURRY * 255)
    with refused(ImageError):
        defocus.load("dpdnet-dual")(BLURRY)


def test_options_are_those_of_the_system():
    wide = sum(p.numel() for p in defocus.load("nafnet", width=16).parameters())
    assert wide < sum(p.numel() for p in defocus.load("nafnet").parameters())


def test_options_reach_the_network_of_a_plugin(tmp_path, no_plugins):
    (tmp_path / "optioned.py").write_text(
        "from dataclasses import replace\n"
        "from defocus.baselines.card import Network\n"
        "from defocus.baselines.registry import baseline\n"
        "from torch import nn\n"
        "class Net(nn.Conv2d):\n"
        "    def __init__(self, kernel=3):\n"
        "        super().__init__(3, 3, kernel, padding=kernel // 2)\n"
        "def named(name, build):\n"
        "    own = baseline('unet')\n"
        "    return replace(own, card=replace(own.card, name=name), build=build)\n"
        "OWN = named('optioned', Net)\n"
        "DECLARED = named('declared', Network(f'{__name__}:Net'))\n"
    )
    defocus.plugin(tmp_path / "optioned.py")
    for name in ("optioned", "declared"):
        assert defocus.load(name).get_parameter("weight").shape[-1] == 3
        assert defocus.load(name, kernel=5).get_parameter("weight").shape[-1] == 5
        with pytest.raises(
            InputError, match=rf"{name}: .*'depth'; its options are: kernel"
        ):
            defocus.load(name, depth=3)


@pytest.mark.full
def test_weights_are_a_file_or_its_label(tmp_path):
    trained = defocus.load("gkmnet")
    save_file(trained.state_dict(), tmp_path / "mine-of-front.safetensors")
    for weights in (tmp_path / "mine-of-front.safetensors", "mine-of-front"):
        with torch.no_grad():
            torch.testing.assert_close(
                defocus.load("gkmnet", weights)(BLURRY), trained(BLURRY), rtol=0, atol=0
            )
    with pytest.raises(InputError, match="neither a file nor weights added for gkmnet"):
        defocus.load("gkmnet", "nobody")
    with pytest.raises(InputError, match="wiener has no weights"):
        defocus.load("wiener", "mine-of-front")


def test_own_weights_are_found_in_the_package(tmp_path, monkeypatch, refused):
    with refused(WeightsError):
        defocus.load("gkmnet", "own")
    own = defocus.load("gkmnet")
    (tmp_path / "weights").mkdir()
    path = tmp_path / "weights" / "gkmnet.safetensors"
    save_file(own.state_dict(), path)
    facts = {
        name: ""
        for name, field in OwnCard.model_fields.items()
        if field.annotation is str
    }
    counts = dict.fromkeys(OwnCard.model_fields.keys() - facts.keys(), 1)
    weight_facts = {**facts, **counts, "curve": (), "sha256": sha256_file(path)}
    card = OwnCard.model_validate(weight_facts)
    write_json(path.with_suffix(".json"), card.model_dump())
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(
            defocus.load("gkmnet", "own")(BLURRY), own(BLURRY), rtol=0, atol=0
        )
        picture = BLURRY[0]
        torch.testing.assert_close(
            defocus.restore(picture, "gkmnet", guard=False),
            own(BLURRY)[0].clamp(0, 1),
            rtol=0,
            atol=1e-6,
        )
