"""Weights of strangers: what is read, what is refused, what is remembered."""

import io
import json
import os
import pickle
import zipfile
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from defocus.baselines.registry import baseline
from defocus.baselines.weights import reading, store
from defocus.baselines.weights.conversion import state_for, wanted_entries
from defocus.baselines.weights.reading import read_tensors
from defocus.baselines.weights.store import (
    StoredWeights,
    add_weights,
    all_weights,
    build_with,
    convert_files,
    find_weights,
    load_state,
)
from defocus.benchmark.results.dataset_facts import seen_in
from defocus.datasets.pair import Dataset
from defocus.errors import InputError, WeightsError

STATE = {
    "a.weight": torch.arange(6.0).reshape(2, 3),
    "a.bias": torch.tensor([1.0, -2.0]),
}


class Evil:
    """Leaves a mark where it is unpickled without care."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def small() -> nn.Module:
    network = nn.Module()
    network.a = nn.Linear(3, 2)
    return network


SYSTEM = replace(baseline("input"), build=small)


def list_npz(path: Path, content: object) -> None:
    """As TensorLayer saves: an object array, which NumPy pickles."""
    array = np.empty(2, dtype=object)
    array[:] = content
    np.savez(path, params=array)


def test_every_kind_of_file_gives_the_same_tensors(tmp_path):
    torch.save({"epoch": 3, "state_dict": STATE}, tmp_path / "new.pth.tar")
    torch.save(STATE, tmp_path / "old.pkl", _use_new_zipfile_serialization=False)
    save_file(STATE, tmp_path / "own.safetensors")
    np.savez(
        tmp_path / "arrays.npz",
        **{name: t.numpy().astype(">f4") for name, t in STATE.items()},
    )
    list_npz(tmp_path / "list.npz", [t.numpy() for t in STATE.values()])
    with h5py.File(tmp_path / "keras.hdf5", "w") as file:
        file["a/weight"], file["a/bias"] = (t.numpy() for t in STATE.values())
    names = {
        "new.pth.tar": ["state_dict.a.weight", "state_dict.a.bias"],
        "old.pkl": ["a.weight", "a.bias"],
        "own.safetensors": ["a.weight", "a.bias"],
        "arrays.npz": ["a.weight", "a.bias"],
        "list.npz": ["params.0", "params.1"],
        "keras.hdf5": ["a/weight", "a/bias"],
    }
    for file, wanted in names.items():
        tensors = read_tensors(tmp_path / file)
        for name, tensor in zip(wanted, STATE.values(), strict=True):
            assert torch.equal(tensors[name], tensor), (file, name)


def hostile_files(folder: Path, mark: Path) -> dict[str, Path]:
    """Files that are damaged, or do something when they are read without care."""
    files = {
        name: folder / name
        for name in ("zip.pth", "bare.pth", "x.npz", "x.h5", "cut.pth")
    }
    torch.save({"state_dict": {"a": Evil(mark)}}, files["zip.pth"])
    files["bare.pth"].write_bytes(pickle.dumps(Evil(mark)))
    list_npz(files["x.npz"], [np.ones(3), Evil(mark)])
    (folder / "secret").write_bytes(b"\0" * 64)
    with h5py.File(files["x.h5"], "w") as file:
        file.create_dataset(
            "a", (16,), "f4", external=[(str(folder / "secret"), 0, 64)]
        )
    whole = io.BytesIO()
    torch.save(STATE, whole)
    files["cut.pth"].write_bytes(whole.getvalue()[:-200])
    for name, content in {
        "page.pth": b"<html>quota exceeded</html>",
        "empty.npz": b"",
    }.items():
        files[name] = folder / name
        files[name].write_bytes(content)
    with h5py.File(folder / "link.h5", "w") as file:
        file["a"] = h5py.ExternalLink(str(files["x.h5"]), "/a")
    return files | {"link.h5": folder / "link.h5"}


def test_hostile_and_damaged_files_are_refused_and_do_nothing(tmp_path):
    mark = tmp_path / "mark"
    reasons = {
        "page.pth": "a web page",
        "empty.npz": "it is empty",
        "zip.pth": "more than numbers",
    }
    for name, path in hostile_files(tmp_path, mark).items():
        with pytest.raises(WeightsError, match="cannot be read safely") as raised:
            read_tensors(path)
        assert reasons.get(name, "") in str(raised.value)
        assert str(path) in str(raised.value), name
        assert "\n" not in str(raised.value)
        assert "weights_only" not in str(raised.value)
    assert not mark.exists()


class Settings:
    """What trainers keep beside weights."""

    def __init__(self) -> None:
        self.rate = 1e-3

    def __setstate__(self, state: object) -> None:
        raise AssertionError("it was built")


@pytest.mark.parametrize("zipped", [True, False])
def test_numbers_of_numpy_are_read_and_objects_beside_weights_are_skipped(
    tmp_path, refused, *, zipped
):
    network = small()
    optimiser = torch.optim.Adam(network.parameters())
    content = {
        "state_dict": network.state_dict(),
        "best": np.float64(26.1),
        "scores": np.arange(3.0),
        "args": Namespace(lr=1e-3, out=tmp_path),
        "hyper_parameters": {"settings": Settings()},
        "milestones": Counter([3, 5]),
        "losses": defaultdict(list, {"l1": [1.0]}),
        "optimiser": optimiser,
        "network": network,
        "when": datetime.now(UTC),
    }
    torch.save(content, tmp_path / "x.ckpt", _use_new_zipfile_serialization=zipped)
    tensors = read_tensors(tmp_path / "x.ckpt")
    assert set(tensors) == {"state_dict.a.weight", "state_dict.a.bias", "scores"}
    state = state_for(SYSTEM, tensors, "x.ckpt")
    assert all(
        torch.equal(state[name], one) for name, one in network.state_dict().items()
    )
    whole = tmp_path / "whole.pth"
    torch.save({"model": network}, whole, _use_new_zipfile_serialization=zipped)
    with refused(WeightsError):
        read_tensors(whole)


def test_counts_of_operations_are_ignored_and_a_choice_of_tables_is_said(refused):
    said: list[str] = []
    counted = STATE | {"total_ops": torch.zeros(1), "a.total_params": torch.zeros(1)}
    state = state_for(SYSTEM, counted, "x.pth", remark=said.append)
    assert state.keys() == STATE.keys()
    assert said == ["x.pth: 2 counts of operations (total_ops, total_params) ignored"]
    said.clear()
    other = {name: tensor + 1 for name, tensor in STATE.items()}
    both = {f"params_ema.{name}": tensor for name, tensor in other.items()}
    both |= {f"params.{name}": tensor for name, tensor in STATE.items()}
    state = state_for(SYSTEM, both, "x.pth", remark=said.append)
    assert torch.equal(state["a.bias"], STATE["a.bias"])
    assert said == [
        "x.pth: params was taken; params_ema would fit too: 'weights add --key NAME' takes it"
    ]
    state = state_for(SYSTEM, both, "x.pth", "params_ema", said.append)
    assert torch.equal(state["a.bias"], other["a.bias"])
    assert len(said) == 1
    with refused(WeightsError):
        state_for(SYSTEM, both, "x.pth", "ema")


@pytest.mark.full
def test_the_key_and_the_words_pass_the_process_that_reads(tmp_path, capsys):
    wanted = baseline("unet").build().state_dict()
    torch.save({"params": wanted, "params_ema": wanted}, tmp_path / "both.pth")
    for key, words in (("", "params was taken"), ("params_ema", "")):
        convert_files(
            "unet", [tmp_path / "both.pth"], tmp_path / "own.safetensors", key
        )
        assert words in capsys.readouterr().err
        assert load_file(tmp_path / "own.safetensors").keys() == wanted.keys()


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path, monkeypatch, refused):
    monkeypatch.setattr(reading, "LARGEST_BYTES", 10_000_000)
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        content = io.BytesIO()
        np.save(content, np.zeros(2_000_000))
        archive.writestr("a.npy", content.getvalue())
    assert bomb.stat().st_size < 100_000
    with refused(WeightsError):
        read_tensors(bomb)


@pytest.mark.parametrize("name", ["a.txt", "none.pth"])
def test_what_is_no_weights_file_is_said(tmp_path, name, refused):
    (tmp_path / "a.txt").write_text("a")
    with refused(WeightsError):
        read_tensors(tmp_path / name)


@pytest.mark.parametrize(
    "prefix", ["", "state_dict.module.", "params.", "net.Network."]
)
def test_any_prefix_is_found_and_what_stands_elsewhere_is_left(prefix):
    extra = {"optimiser.0.a": torch.ones(3), "step": torch.tensor(3)} if prefix else {}
    given = {prefix + name: tensor.half() for name, tensor in STATE.items()} | extra
    state = state_for(SYSTEM, given, "file")
    assert {name: tensor.dtype for name, tensor in state.items()} == dict.fromkeys(
        STATE, torch.float32
    )
    assert all(torch.equal(state[name], tensor) for name, tensor in STATE.items())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"a.bias": None}, ["a.bias is missing"]),
        ({"a.bias": torch.ones(5)}, ["a.bias has shape (5,), not (2,)"]),
        ({"b": torch.ones(1)}, ["b is unknown"]),
        (
            {"a.bias": torch.ones(2, dtype=torch.int64)},
            ["a.bias holds int64, not float32"],
        ),
        (
            {"a.bias": torch.ones(2).to(torch.float8_e4m3fn)},
            ["a.bias holds float8_e4m3fn"],
        ),
        (
            {"a.bias": torch.tensor([1.0, float("nan")])},
            ["a.bias has values", "not finite"],
        ),
        ({"a.bias": torch.ones(2).to_sparse()}, ["not a dense tensor"]),
        ({f"x{k}": torch.ones(1) for k in range(9)}, ["x4 is unknown; and 4 more"]),
    ],
)
def test_wrong_weights_are_refused_with_the_first_differences(change, words):
    given = {
        name: tensor
        for name, tensor in {**STATE, **change}.items()
        if tensor is not None
    }
    with pytest.raises(WeightsError) as raised:
        state_for(SYSTEM, given, "some.pth")
    for word in ["some.pth", *words]:
        assert word in str(raised.value)


GKMNET = baseline("gkmnet")


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    path = tmp_path_factory.mktemp("official") / "GKM dpdd.pth"
    torch.manual_seed(1)
    torch.save(
        {"model": {f"module.{k}": v for k, v in GKMNET.build().state_dict().items()}},
        path,
    )
    return path


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.full
def test_added_weights_are_remembered_checked_and_found_again(
    own_cache, official, refused
):
    added = add_weights(GKMNET, [official], trained_on=["dpdd"])
    assert (added.label, added.origin, added.trained_on) == (
        "GKM-dpdd",
        "official",
        ("dpdd",),
    )
    assert all_weights() == ([added], {})
    assert (
        find_weights(GKMNET, "GKM-dpdd") == find_weights(GKMNET, str(official)) == added
    )
    content = torch.load(official, weights_only=True)["model"]
    state = build_with(GKMNET, added).state_dict()
    assert all(torch.equal(state[name], content[f"module.{name}"]) for name in state)
    with refused(InputError):
        find_weights(GKMNET, "GKM-lfdof")
    other = official.with_name("other") / official.name
    other.parent.mkdir()
    other.write_bytes(official.read_bytes()[:-1])
    with refused(WeightsError):
        add_weights(GKMNET, [other])
    second = {f"network.{name}": entry + 1 for name, entry in state.items()}
    save_file(second, other.with_name("GKM-dpdd.safetensors"))
    weights = find_weights(GKMNET, str(other.with_name("GKM-dpdd.safetensors")))
    assert weights.label == f"GKM-dpdd-{weights.source_sha256[:8]}"
    assert find_weights(GKMNET, weights.label) == weights
    with refused(InputError):
        find_weights(baseline("input"), str(official))
    with refused(InputError):
        add_weights(baseline("input"), [official])
    with added.path.open("r+b") as file:
        file.seek(-5, 2)
        file.write(b"!")
    with refused(WeightsError):
        load_state(GKMNET, added)


def test_weights_of_the_package_need_no_process_of_their_own(own_cache, monkeypatch):
    monkeypatch.setattr(store, "convert_files", lambda *_: pytest.fail("a process"))
    added = find_weights(baseline("defocus-s"), "own")
    assert added.origin == "own"
    assert load_state(baseline("defocus-s"), added)


def test_what_is_wrong_from_outside_is_named_before_anything_is_read(
    own_cache, tmp_path, monkeypatch, refused
):
    monkeypatch.setattr(store, "convert_files", lambda *_: pytest.fail("it was read"))
    dmphn = baseline("dmphn")
    checkpoints = tmp_path / "checkpoints"
    for name in ("SDNet2", "DMPHN_1_2_4"):
        (checkpoints / name).mkdir(parents=True)
    with refused(WeightsError):
        add_weights(dmphn, [checkpoints])
    one = checkpoints / "SDNet2" / "encoder_lv1.pkl"
    torch.save(STATE, one)
    with refused(WeightsError):
        add_weights(dmphn, [one])
    (one.parent / "notes.txt").write_text("trained on GoPro")
    with refused(WeightsError):
        add_weights(dmphn, [one.parent])
    with refused(WeightsError):
        add_weights(dmphn, [tmp_path / "none.pth"])


def test_several_files_of_a_system_are_those_of_its_network():
    """Without all of them, or with others, the converter could not name what is missing."""
    for name in ("dmphn", "dmphn-1-2-4", "dmphn-stack3"):
        system = baseline(name)
        parts = {entry.partition(".")[0] for entry in wanted_entries(system)}
        assert sorted(parts) == sorted(system.card.weights_files)


@pytest.mark.full
def test_a_file_that_kills_its_reader_is_refused_and_leaves_nothing(
    own_cache, official, tmp_path, monkeypatch, refused
):
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    monkeypatch.syspath_prepend(str(hook))
    with refused(WeightsError):
        add_weights(GKMNET, [official])
    assert [path for path in own_cache.rglob("*") if path.is_file()] == []


def test_a_label_cannot_leave_the_cache(own_cache, official, refused):
    for label in ("../../x", "/x", "a b", ".x"):
        with refused(InputError):
            add_weights(GKMNET, [official], label)


def test_the_commands(own_cache, tmp_path, run):
    """A wrong file gives one line and 2; a damaged card and a file that is gone give 1 and 2."""
    torch.save(STATE, tmp_path / "wrong.pth")
    refused = run(
        "defocus-bench", "weights", "add", "gkmnet", tmp_path / "wrong.pth", code=2
    )
    assert "not the weights of gkmnet" in refused.stderr
    assert refused.stderr.count("\n") == 1
    folder = own_cache / "weights" / "gkmnet"
    facts = {
        "system": "gkmnet",
        "label": "x",
        "origin": "official",
        "source": ["x.pth"],
    }
    facts |= {
        "source_sha256": "0",
        "sha256": "0",
        "licence": "",
        "trained_on": [],
        "added": "",
    }
    (folder / "x.json").write_text(json.dumps(facts))
    (folder / "damaged.json").write_text("{")
    listed = run("defocus-bench", "weights", "list", "--json")
    assert [each["label"] for each in json.loads(listed.stdout)] == ["x"]
    assert listed.returncode == 1
    assert listed.stderr.startswith(f"{folder / 'damaged.json'}: damaged (")
    shown = run("defocus-bench", "weights", "list")
    assert "(taken as its authors' own)" in shown.stdout
    known = {**facts, "system": "nrknet", "label": "y"}
    known["source"] = ["nrknet-train-ours.pth"]
    (own_cache / "weights" / "nrknet").mkdir()
    (own_cache / "weights" / "nrknet" / "y.json").write_text(json.dumps(known))
    shown = run("defocus-bench", "weights", "list")
    assert "nrknet  y  (passed on by the authors of CLDefocus)" in shown.stdout
    (own_cache / "weights" / "nrknet" / "y.json").unlink()
    checked = run("defocus-bench", "weights", "check", "--json", code=1)
    rows = {row["label"]: row for row in json.loads(checked.stdout)}
    assert not rows["x"]["ok"]
    assert "missing" in rows["x"]["reason"]
    assert "damaged" in rows["damaged"]["reason"]


@pytest.mark.parametrize(
    ("trained_on", "name", "source", "seen"),
    [
        (("dpdd",), "dpdd:DPDD", "dpdd", False),
        (("dpdd",), "dpdd-dual:DPDD", "dpdd-dual", False),
        (("dpdd",), "manifest:mine", "dpdd", True),
        (("lfdof", "dpdd"), "manifest:mine", "dpdd-dual", True),
        (("lfdof",), "manifest:mine", "dpdd", False),
        (("dpdd",), "manifest:mine", "", False),
        ((), "manifest:mine", "", False),
        ((), "dpdd:DPDD", "dpdd", True),
        (("unknown",), "dpdd:DPDD", "dpdd", True),
        (("manifest:mine",), "manifest:mine", "", False),
    ],
)
def test_scenes_that_may_have_been_trained_on(tmp_path, trained_on, name, source, seen):
    weights = StoredWeights("unet", "x", "official", ("x",), "", "", "", trained_on, "")
    dataset = Dataset(name, tmp_path, (), "", tmp_path, source=source)
    assert bool(seen_in(weights.trained_on, dataset)) == seen
