"""Running fixtures: what passes, and what falls short of the official outputs."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.conformance import check as conformance
from tests.conformance.check import run_fixture
from tests.conformance.probe import Arrays, Probe, fill_weights, network_inputs


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1)
    )


def run_network(module: nn.Module, inputs: Arrays, meta: Mapping[str, Any]) -> Arrays:
    assert not module.training
    (picture,) = inputs.values()
    output = module(picture)
    return {
        "output": output,
        "inner": module[0](picture),
        "mask": (output > 0).to(torch.uint8),
    }


PROBES = {
    "net": Probe(run_network, network, network_inputs),
    "ops": Probe(lambda *given: {"output": given[1]["input0"]}, None, network_inputs),
    "number": Probe(
        lambda *given: {"output": given[1]["input0"].mean()}, None, network_inputs
    ),
    "endless": Probe(
        lambda *_: {"output": torch.full((1, 2), torch.inf)}, None, network_inputs
    ),
    "empty": Probe(lambda *_: {"output": torch.zeros(1, 0)}, None, network_inputs),
}
PICTURE = {
    "distribution": "uniform", "seed": 7, "shape": [1, 3, 12, 16], "scale": 1.0, "offset": 0.0,
}  # fmt: skip
META: dict[str, Any] = {
    "system": "net",
    "seed": 3,
    "overrides": [{"entries": ["2.bias"], "op": "add", "value": 0.25}],
    "network_inputs": [PICTURE],
    "tolerance": {"output": 1e-5, "inner": 1e-5, "mask": 0.01, "further": 1.0},
    "metric": {"mask": "mean absolute difference (fraction of pixels that differ)"},
}


def uniform(*shape: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(7)).random(shape).astype(np.float32)


def stored_arrays() -> dict[str, np.ndarray]:
    """The network's arrays, made without the code under test (but for the filling rule)."""
    module = network().eval()
    fill_weights(module, 3)
    with torch.no_grad():
        module[2].bias += 0.25
        inner = module[0](torch.from_numpy(uniform(1, 3, 12, 16)))
        output = module[2](module[1](inner))
    mask = (output > 0).to(torch.uint8)
    return {"output": output.numpy(), "inner": inner.numpy(), "mask": mask.numpy()}


ENTRIES = [
    [name, list(one.shape), str(one.dtype)[6:]]
    for name, one in network().state_dict().items()
]


@pytest.fixture
def compare(tmp_path, monkeypatch):
    """Runs a fixture of the small network, changed by settings of ``meta.json`` and by arrays."""
    monkeypatch.setattr(conformance, "all_probes", lambda: PROBES)

    def compared(
        arrays: dict[str, np.ndarray],
        entries: list[list[Any]] | None = ENTRIES,
        **meta: Any,
    ) -> str:
        (tmp_path / "meta.json").write_text(json.dumps(META | meta))
        (tmp_path / "params.json").write_text(json.dumps({"entries": entries}))
        if entries is None:
            (tmp_path / "params.json").unlink()
        np.savez(tmp_path / "output.npz", **arrays)
        return run_fixture(tmp_path)

    return compared


def test_an_equal_system_passes_and_a_wrong_output_fails_by_its_own_tolerance(compare):
    arrays = stored_arrays()
    assert compare(arrays) == ""
    arrays["output"][0, 1, 2, 3] += 3e-5
    arrays["inner"] += 2e-5
    assert (
        compare(arrays) == "output: 3e-05 is above 1e-05; inner: 2e-05 is above 1e-05"
    )
    assert (
        compare(arrays, tolerance={"output": 4e-5, "inner": 1e-2, "mask": 0.01}) == ""
    )


def test_an_array_measured_by_its_mean(compare):
    arrays = stored_arrays()
    arrays["mask"][0, 0, 0, 0] ^= 1  # one of 576: 0.0017
    assert compare(arrays) == ""
    arrays["mask"][0, 0, 1, :6] ^= 1  # seven
    assert compare(arrays) == "mask: 0.0122 is above 0.01"


@pytest.mark.parametrize("name", ["output", "inner"])
def test_a_stored_crop(compare, name):
    arrays = stored_arrays()
    arrays[name] = arrays[name][:, :, 2:7, 5:15]
    for left in (5, 4):
        crop = {"top": 2, "left": left, "height": 5, "width": 10, "of": [1, 3, 12, 16]}
        stored = (
            {"stored_crop": crop}
            if name == "output"
            else {"stored_crops": {name: crop}}
        )
        assert compare(arrays, **stored).partition(": ")[0] == (
            "" if left == 5 else name
        )


@pytest.mark.parametrize(
    "entries",
    [
        [["first.weight", *ENTRIES[0][1:]], *ENTRIES[1:]], [ENTRIES[1], ENTRIES[0], *ENTRIES[2:]],
        [["0.weight", [4, 3, 5, 5], "float32"], *ENTRIES[1:]],
        [["0.weight", [4, 3, 3, 3], "float16"], *ENTRIES[1:]],
        ENTRIES[:-1], [*ENTRIES, ["more", [1], "float32"]],
    ],
    ids=["name", "order", "shape", "dtype", "fewer", "more"],
)  # fmt: skip
def test_entries_differ(compare, entries):
    assert compare(stored_arrays(), entries).startswith("state dict")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"further": np.zeros(3)}, "further: the probe does not give it"),
        (
            {"output": np.zeros((1, 3, 12, 15))},
            "output: shape [1, 3, 12, 16], official [1, 3, 12, 15]",
        ),
        ({"output": np.full((1, 3, 12, 16), np.nan)}, "output: not finite"),
    ],
    ids=["not given", "shape", "not finite"],
)
def test_arrays_that_cannot_be_compared(compare, change, reason):
    assert compare(stored_arrays() | change) == reason
    assert compare({}) == "nothing is stored to compare with"


def test_operators_have_no_entries_and_numbers_may_stand_in_meta(compare):
    picture = {"output": uniform(1, 3, 12, 16)}
    assert compare(picture, None, system="ops", tolerance=1e-6) == ""
    assert compare(picture, system="ops", tolerance=1e-6).startswith("state dict")
    for value, reason in ((picture["output"].mean(), ""), (0.25, "output: ")):
        given = {
            "values": {"output": float(value)},
            "system": "number",
            "tolerance": 1e-6,
        }
        assert compare({}, None, **given).startswith(reason)
        assert bool(compare({}, None, **given)) == bool(reason)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_equal_infinities_and_empty_arrays_prove_nothing(compare):
    endless = {"output": np.full((1, 2), np.inf)}
    assert compare(endless, None, system="endless") == "output: not finite"
    assert compare({"output": np.zeros((1, 0))}, None, system="empty").startswith(
        "output: shape"
    )
