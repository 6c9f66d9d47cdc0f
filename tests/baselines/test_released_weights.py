"""Files that others than a system's authors pass on: loaded as they come, with cards of their own.

The files are stand-ins with the layout that CLDefocus's trainers write and its test scripts read:
a state dict for INIKNet and NRKNet, a table 'params' for NAFNet and Restormer (BasicSR)."""

import json

import pytest
import torch

from defocus.baselines.registry import baseline
from defocus.baselines.weights.released import RELEASED, SYSTEMS, released
from defocus.baselines.weights.store import add_weights, find_weights
from defocus.errors import WeightsError
from tests.conformance.test_systems import FIXTURES

ENTRIES = {
    "iniknet": ("iniknet", False),
    "nafnet-w64-local": ("nafnet_w64", True),
    "nrknet": ("nrknet", False),
    "restormer": ("restormer_single", True),
}
"""Of each system the fixture with the official entries, and whether they are in 'params'."""


@pytest.mark.full
@pytest.mark.parametrize(("system", "name"), RELEASED)
def test_a_file_of_cldefocus_loads_as_it_comes(system, name, tmp_path, capsys):
    fixture, in_table = ENTRIES[system]
    entries = json.loads((FIXTURES[fixture] / "params.json").read_text())["entries"]
    # A tensor of one number in every place takes no room in the file.
    state = {
        entry: torch.full((), 0.5, dtype=getattr(torch, kind)).expand(shape)
        for entry, shape, kind in entries
    }
    file = tmp_path / f"{name}.pth"
    torch.save({"params": state} if in_table else state, file)
    stored = add_weights(baseline(system), [file])
    assert (stored.label, stored.origin) == (name, "official")
    word = name.rpartition("-")[2]
    assert stored.trained_on == ({"ours": "cldefocus"}.get(word, word),)
    assert stored.licence.startswith("not stated by the authors of CLDefocus")
    assert ("renderings" in stored.licence) == (word != "dpdd")
    assert find_weights(baseline(system), name) == stored
    assert "known by its name" in capsys.readouterr().err


@pytest.mark.parametrize(
    "file", ["nrknet-train-ours (1).pth", "NRKNet-train-ours.pth.tar"]
)
def test_a_copy_that_a_browser_renamed_is_known_too(file):
    known = released("nrknet", [file])
    assert known is not None
    assert known.trained_on == ("cldefocus",)
    assert released("nrknet", ["nrknet-train-own.pth"]) is None


def test_a_file_of_another_system_is_refused_even_if_its_shapes_are_equal(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "nafnet-train-ours.pth"
    file.write_bytes(b"")
    with pytest.raises(WeightsError, match="as weights of nafnet-w64-local; give that"):
        add_weights(baseline("nafnet-w64"), [file])


def test_nine_files_are_known():
    assert set(SYSTEMS) == set(ENTRIES)
    assert sorted(name for _, name in RELEASED) == [
        "iniknet-train-ours",
        "iniknet-train-syndof",
        "nafnet-train-dpdd",
        "nafnet-train-ours",
        "nafnet-train-syndof",
        "nrknet-train-ours",
        "nrknet-train-syndof",
        "restormer-train-ours",
        "restormer-train-syndof",
    ]
