import hashlib
import json
import lzma
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.pwcnet.estimator import (
    CARD_KEY,
    ORIGIN_KEY,
    OWN_ORIGIN,
    SHIPPED,
    load_estimator,
    load_shipped_weights,
    load_weights,
)
from defocus.align.flow.pwcnet.network import PWCNet, normalised_features
from defocus.errors import WeightsError
from defocus.storage.files import sha256_file
from research.alignment_truth.rendered.pair import Ranges, render_pair
from research.alignment_truth.rendered.textures import load_textures
from tests.conformance.probe import fill_weights
from tests.conformance.probes.pwcnet import NVlabsNames
from tests.speed.peers.pwcnet import naive_network

FIXTURES = sorted(
    (Path(__file__).parents[1] / "conformance" / "fixtures").glob("pwcnet*")
)


@pytest.mark.full
def test_half_precision_of_the_shipped_network_moves_no_flow():
    estimator, textures = load_estimator(None), load_textures("choose")
    ranges = Ranges((0.0, 8.0), 6.0, (0.99, 1.01), 0.5, 1.0, 0.2, 0.2, 0.01)
    for index in range(2):
        pair = render_pair(textures, ranges, 128, 128, 5, index)
        frames = [
            torch.from_numpy(frame).permute(2, 0, 1)[None]
            for frame in (pair.blurry, pair.sharp)
        ]
        single, half = (
            estimator.unchecked(*frames, half=half) for half in (False, True)
        )
        assert half.dtype == torch.float32
        assert 0 < torch.linalg.vector_norm(half - single, dim=1).max() <= 0.05
        assert torch.equal(single, estimator(*frames))


@pytest.fixture(scope="module")
def network():
    network = PWCNet()
    fill_weights(network, 0)
    return network.eval()


@pytest.mark.full
def test_names_of_all_releases_load(network, tmp_path):
    state = network.state_dict()
    nvlabs = NVlabsNames()
    network_of = nvlabs._unregistered[0]
    network_of.load_state_dict(state)
    # The same in each run: the warp mask has a threshold, where rounding may decide.
    frames = torch.rand(2, 1, 3, 70, 100, generator=torch.Generator().manual_seed(0))
    flows = []
    files = {
        "net.pth": state,
        "module.pytorch": {
            name.replace("net", "module"): value for name, value in state.items()
        },
        "nvlabs.pth.tar": nvlabs.state_dict(),
        "wrapped.pth": {"state_dict": state, "epoch": 3},
    }
    for name, content in files.items():
        torch.save(content, tmp_path / name)
        estimator = flow_estimator("pwcnet", tmp_path / name)
        assert estimator.name == "pwcnet-official"
        assert estimator.weights_sha256 == sha256_file(tmp_path / name)
        flows.append(estimator(*frames))
    for flow in flows:
        assert flow.shape == (1, 2, 70, 100)
        assert torch.allclose(flow, flows[0], atol=0.01)
    assert not flows[0].requires_grad


def own_file(path: Path, state: dict[str, torch.Tensor], card: str) -> Path:
    save_file(state, path, metadata={ORIGIN_KEY: OWN_ORIGIN, CARD_KEY: card})
    return path


def test_own_weights_are_called_so_and_have_a_card(network, tmp_path):
    state = network.state_dict()
    save_file(state, tmp_path / "other.safetensors")
    assert (
        flow_estimator("pwcnet", tmp_path / "other.safetensors").name
        == "pwcnet-official"
    )
    flows = []
    for normalise in (False, True):
        card = json.dumps({"settings": {"normalise": normalise}})
        path = own_file(tmp_path / f"{normalise}.safetensors", state, card)
        assert load_weights(path).normalise is normalise
        estimator = flow_estimator("pwcnet", path)
        assert estimator.name == "pwcnet-own"
        flows.append(
            estimator(*torch.rand(2, 1, 3, 64, 64, generator=torch.manual_seed(0)))
        )
    assert (flows[0] - flows[1]).abs().max() > 1e-3
    for card in ("{}", "no card", "null", '{"settings": {"normalise": "yes"}}'):
        with pytest.raises(WeightsError, match="damaged"):
            load_weights(own_file(tmp_path / "bad.safetensors", state, card))


def test_shipped_weights_are_known_by_their_hash(network, tmp_path):
    card = json.dumps({"settings": {"normalise": True}})
    state = {
        name: torch.zeros_like(value) for name, value in network.state_dict().items()
    }
    plain = own_file(tmp_path / "own.safetensors", state, card)
    path = tmp_path / "own.safetensors.xz"
    content = bytearray(plain.read_bytes())
    path.write_bytes(lzma.compress(content, preset=0))
    with pytest.raises(
        WeightsError, match=r"own\.safetensors.*not complete.*install it again"
    ):
        load_shipped_weights(path)
    facts = tmp_path / "own.json"
    facts.write_text(json.dumps({"sha256": sha256_file(plain)}))
    weights = load_shipped_weights(path)
    assert weights.own
    assert weights.sha256 == sha256_file(plain)
    content[-100] ^= 1
    plain.write_bytes(content)
    assert load_weights(plain).own  # one bit, which nothing but the hash tells
    path.write_bytes(lzma.compress(content, preset=0))
    with pytest.raises(
        WeightsError, match=r"own\.safetensors.*damaged.*install it again"
    ):
        load_shipped_weights(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(
        WeightsError, match=r"own\.safetensors.*not complete.*install it again"
    ):
        load_shipped_weights(path)
    for content in (b"", b"{}", b"[]", b"\xff"):
        facts.write_bytes(content)
        with pytest.raises(WeightsError, match="not complete"):
            load_shipped_weights(path)


def test_features_of_an_even_grey_are_normalised_to_nothing():
    flat = torch.full((1, 2, 3, 3), 0.7)
    assert torch.equal(normalised_features(flat, flat)[0], torch.zeros_like(flat))


@pytest.mark.full
def test_equals_the_naive_network_and_its_gradients():
    network = PWCNet(normalise=True)
    fill_weights(network, 3)
    naive = naive_network(network).double()
    network.double()
    frames = torch.rand(
        2, 1, 3, 64, 128, dtype=torch.float64, generator=torch.manual_seed(0)
    )
    gradients = []
    for twin in (network, naive):
        flows = twin.flows(*frames)
        torch.stack([flow.square().mean() for flow in flows]).sum().backward()
        gradients.append({name: value.grad for name, value in twin.named_parameters()})
    with torch.no_grad():
        assert torch.allclose(network(*frames), naive(*frames), atol=1e-9)
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], rtol=1e-6, atol=1e-12), name


def test_frames_enter_in_the_order_blue_green_red(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "net.pth")
    first, second = torch.rand(2, 1, 3, 64, 64)
    with torch.no_grad():
        direct = network(first.flip(1), second.flip(1))
    flow = flow_estimator("pwcnet", tmp_path / "net.pth")(first, second)
    centre = torch.nn.functional.interpolate(direct, (64, 64), mode="bilinear")
    assert torch.allclose(flow, centre, atol=1e-5)


class _Runs:
    """What a hostile pickle would call."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("/tmp/defocus-hostile-pickle-ran"),))


def damaged_files(folder: Path, state: dict[str, torch.Tensor]) -> dict[str, Path]:
    torch.save({"netOne.0.weight": torch.ones(40_000)}, folder / "whole.pth")
    whole = (folder / "whole.pth").read_bytes()
    contents = {
        "empty.pth": b"",
        "cut.pth": whole[: len(whole) // 2],
        "text.pth": b"<html>quota exceeded</html>" * 50,
        "hostile.pth": pickle.dumps({"netOne": _Runs()}),
        "text.safetensors": b"not safetensors at all",
        "huge.safetensors": b"\xff" * 64,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    torch.save([1, 2], folder / "list.pth")
    torch.save({"epoch": 3}, folder / "numbers.pth")
    torch.save({"fc.weight": torch.ones(2)}, folder / "another.pth")
    torch.save(state | {"netSix.netSix.0.bias": torch.ones(3)}, folder / "shape.pth")
    torch.save(
        state | {"netSix.netSix.0.bias": torch.full((2,), torch.nan)},
        folder / "nan.pth",
    )
    bias = "netSix.netSix.0.bias"
    for name, value in {
        "sparse": torch.ones(2).to_sparse(),
        "meta": torch.empty(2, device="meta"),
        "complex": torch.ones(2, dtype=torch.complex64),
        "integer": torch.ones(2, dtype=torch.int64),
        "eight_bit": torch.ones(2).to(torch.float8_e4m3fn),
    }.items():
        torch.save(state | {bias: value}, folder / f"{name}.pth")
    (folder / "whole.pth").unlink()
    return {path.name: path for path in folder.iterdir()} | {
        "missing": folder / "none.pth"
    }


def test_damaged_hostile_and_foreign_files(network, tmp_path, refused):
    # a value of one place for each tensor: files of a few kB
    state = {
        n: torch.zeros(()).expand(one.shape) for n, one in network.state_dict().items()
    }
    for name, path in damaged_files(tmp_path, state).items():
        with pytest.raises(WeightsError) as caught:
            load_weights(path)
        message = str(caught.value)
        assert str(path) in message, name
        assert "\n" not in message
        assert len(message) < 600
    assert not Path("/tmp/defocus-hostile-pickle-ran").exists()
    for name in ("sparse", "meta", "complex", "integer", "eight_bit"):
        with refused(WeightsError):
            load_weights(tmp_path / f"{name}.pth")
    with refused(WeightsError):
        load_weights(tmp_path / "shape.pth")
    with refused(WeightsError):
        load_weights(tmp_path / "another.pth")


@pytest.mark.full
def test_shipped_weights_err_less_than_dis_on_blurry_pairs():
    shipped, dis = flow_estimator("pwcnet"), flow_estimator("dis")
    assert shipped.name == "pwcnet-own"
    assert (
        shipped.weights_sha256
        == hashlib.sha256(lzma.decompress(SHIPPED.read_bytes())).hexdigest()
    )
    assert SHIPPED.stat().st_size < 16.5e6
    textures = load_textures("choose")
    ranges = Ranges((4.0, 20.0), 3.0, (0.98, 1.02), 0.5, 3.0, 0.2, 0.2, 0.01)
    errors: dict[str, list[float]] = {"pwcnet-own": [], "dis": []}
    for index in range(6):
        pair = render_pair(textures, ranges, 160, 192, 5, index)
        frames = [
            torch.from_numpy(frame).permute(2, 0, 1)[None]
            for frame in (pair.blurry, pair.sharp)
        ]
        plain = pair.inside & ~pair.edge
        for estimator in (shipped, dis):
            off = np.linalg.norm(estimator(*frames)[0].numpy() - pair.flow, axis=0)[
                plain
            ]
            errors[estimator.name].append(float(off.mean()))
    assert np.mean(errors["pwcnet-own"]) < 0.8 * np.mean(errors["dis"])
    assert np.mean(errors["pwcnet-own"]) < 0.6
