"""Running fixtures: what passes, what falls short, what is damaged, what is asked wrongly."""

import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from defocus.errors import InputError
from tests.conformance import check as conformance
from tests.conformance.check import find_fixtures, run_fixture
from tests.conformance.probe import Arrays, Probe, fill_weights, network_inputs
from tests.conformance.test_damage import write_operators
from tests.conftest import Run

KEYS = {
    *("fixture", "system", "entries_equal", "arrays", "max_abs_difference", "tolerance"),
    *("ok", "reason"),
}


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1))


def run_network(module: nn.Module | None, inputs: Arrays, meta: Mapping[str, Any]) -> Arrays:
    assert not module.training
    (picture,) = inputs.values()
    output = module(picture)
    return {"output": output, "inner": module[0](picture), "mask": (output > 0).to(torch.uint8)}


def added(module: nn.Module | None, inputs: Arrays, meta: Mapping[str, Any]) -> Arrays:
    assert module is None
    return {"output": sum(inputs.values(), torch.zeros(()))}


MADE = network_inputs
PROBES = {
    "number": Probe(lambda *given: {"output": given[1]["input0"].double().mean()}, None, MADE),
    "net": Probe(run_network, network, MADE),
    "ops": Probe(added, None, MADE),
}

PICTURE = {
    "distribution": "uniform", "seed": 7, "shape": [1, 3, 12, 16], "scale": 1.0, "offset": 0.0,
}  # fmt: skip
META: dict[str, Any] = {
    "system": "net",
    "seed": 3,
    "gain": 1.0,
    "overrides": [{"entries": ["2.bias"], "op": "add", "value": 0.25}],
    "network_inputs": [PICTURE],
    "tolerance": {"output": 1e-5, "inner": 1e-5, "mask": 0.01},
    "metric": {
        "mask": "mean absolute difference (fraction of pixels that differ)",
        "others": "largest absolute difference",
    },
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


def entries(module: nn.Module) -> list[list[Any]]:
    return [
        [name, list(entry.shape), str(entry.dtype).removeprefix("torch.")]
        for name, entry in module.state_dict().items()
    ]


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a fixture folder of the small network, whose probe is the only one registered."""
    monkeypatch.setattr(conformance, "all_probes", lambda: PROBES)

    def write_fixture(
        name: str = "net",
        meta: dict[str, Any] | None = None,
        arrays: dict[str, np.ndarray] | None = None,
        state: list[list[Any]] | None = None,
    ) -> Path:
        folder = tmp_path / "fixtures" / name
        folder.mkdir(parents=True)
        (folder / "meta.json").write_text(json.dumps(META | (meta or {})))
        (folder / "params.json").write_text(json.dumps({"entries": state or entries(network())}))
        np.savez(folder / "output.npz", **(stored_arrays() if arrays is None else arrays))
        return folder

    return write_fixture


def test_an_equal_system_passes(write: Write) -> None:
    result = run_fixture(write())
    assert result.ok, result.reason
    document = result.to_json()
    assert set(document) == KEYS
    assert document["entries_equal"] is True
    assert set(document["arrays"]) == {"output", "inner", "mask"}
    assert document["max_abs_difference"] <= document["tolerance"]
    assert document["reason"] == ""


def test_a_wrong_output_fails_and_the_worst_is_so_by_its_own_tolerance(write: Write) -> None:
    arrays = stored_arrays()
    arrays["output"][0, 1, 2, 3] += 3e-5
    arrays["inner"] += 2e-5
    result = run_fixture(write(arrays=arrays))
    document = result.to_json()
    assert document["max_abs_difference"] == pytest.approx(3e-5, rel=0.02)
    assert document["arrays"]["inner"]["difference"] == pytest.approx(2e-5, rel=0.02)
    assert "output:" in result.reason
    assert "inner:" in result.reason
    arrays["inner"] += 1e-4
    loose = {"tolerance": {"output": 4e-5, "inner": 1e-2, "mask": 0.01}}
    document = run_fixture(write("loose", meta=loose, arrays=arrays)).to_json()
    assert (document["ok"], document["tolerance"]) == (True, 4e-5)
    assert document["max_abs_difference"] == pytest.approx(3e-5, rel=0.02)


def test_an_array_measured_by_its_mean(write: Write) -> None:
    arrays = stored_arrays()
    arrays["mask"][0, 0, 0, 0] ^= 1  # one of 576: 0.0017
    result = run_fixture(write(arrays=arrays))
    assert result.ok
    assert result.arrays["mask"].difference == pytest.approx(1 / 576)
    arrays["mask"][0, 0, 1, :6] ^= 1  # seven: 0.0122
    assert not run_fixture(write("more", arrays=arrays)).ok


@pytest.mark.parametrize("name", ["output", "inner"])
def test_a_stored_crop(write: Write, name: str) -> None:
    arrays = stored_arrays()
    arrays[name] = arrays[name][:, :, 2:7, 5:15]
    for left in (5, 4):
        crop = {"top": 2, "left": left, "height": 5, "width": 10, "of": [1, 3, 12, 16]}
        stored = {"stored_crop": crop} if name == "output" else {"stored_crops": {name: crop}}
        result = run_fixture(write(f"at{left}", meta=stored, arrays=arrays))
        assert result.reason.partition(": ")[0] == ("" if left == 5 else name)


OTHER_ENTRIES: dict[str, Callable[[list[list[Any]]], object]] = {
    "name": lambda state: state[0].__setitem__(0, "first.weight"),
    "order": lambda state: state.insert(0, state.pop(1)),
    "shape": lambda state: state[0].__setitem__(1, [4, 3, 5, 5]),
    "dtype": lambda state: state[0].__setitem__(2, "float16"),
    "fewer": lambda state: state.pop(),
    "more": lambda state: state.append(["more", [1], "float32"]),
}


@pytest.mark.parametrize("what", OTHER_ENTRIES)
def test_entries_differ(write: Write, what: str) -> None:
    state = entries(network())
    OTHER_ENTRIES[what](state)
    result = run_fixture(write(state=state))
    assert result.to_json()["entries_equal"] is False
    assert "state dict" in result.reason


def test_an_operator_has_no_entries(write: Write) -> None:
    meta = {"system": "ops", "tolerance": 1e-6, "metric": {}}
    folder = write("ops", meta=meta, arrays={"output": uniform(1, 3, 12, 16)})
    (folder / "params.json").unlink()
    document = run_fixture(folder).to_json()
    assert (document["ok"], document["entries_equal"], document["tolerance"]) == (True, None, 1e-6)
    (folder / "params.json").write_text('{"entries": []}')
    assert run_fixture(folder).to_json()["entries_equal"] is False


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.update(further=np.zeros(3)), "further: the probe does not give it"),
        (
            lambda arrays: arrays.update(output=np.zeros((1, 3, 12, 15))),
            "output: shape [1, 3, 12, 16], official [1, 3, 12, 15]",
        ),
        (lambda arrays: arrays["output"].fill(np.nan), "output: not finite"),
    ],
    ids=["not given", "shape", "not finite"],
)
def test_arrays_that_cannot_be_compared(
    write: Write, change: Callable[[dict[str, np.ndarray]], None], message: str
) -> None:
    arrays = stored_arrays()
    change(arrays)
    tolerance = META["tolerance"] | {"further": 1.0}
    result = run_fixture(write(meta={"tolerance": tolerance}, arrays=arrays))
    assert message in result.reason
    assert result.to_json()["max_abs_difference"] is None
    json.dumps(result.to_json(), allow_nan=False)


def test_a_system_that_fails_is_a_reason(write: Write) -> None:
    wrong_input = [PICTURE | {"shape": [1, 5, 12, 16]}]
    result = run_fixture(write(meta={"network_inputs": wrong_input}))
    assert "the system failed: RuntimeError" in result.reason
    result = run_fixture(write("override", meta={"overrides": [{"entries": ["x"], "op": "set"}]}))
    assert "the system failed: KeyError" in result.reason


def saved(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def meta_with(**change: Any) -> bytes:
    return json.dumps(META | change).encode()


WHOLE = saved(**stored_arrays())
DAMAGED: list[tuple[str, bytes | None]] = [
    *(("meta.json", content) for content in (None, b"{", b"\xff\xfe", b"[]", b"[" * 100_000)),
    ("meta.json", meta_with(system=None)),
    ("meta.json", meta_with(tolerance={"output": -1.0})),
    ("meta.json", meta_with(tolerance={"output": 1.0})),
    ("meta.json", meta_with(tolerance={"output": float("nan")})),
    ("meta.json", meta_with(tolerance=float("inf"))),
    ("meta.json", meta_with(tolerance=10**400)),
    ("meta.json", meta_with(gain=float("nan"))),
    ("meta.json", meta_with(values={"output": float("-inf")})),
    ("meta.json", meta_with(metric={"mask": "median"})),
    *(("params.json", content) for content in (b"{}", b'{"entries": [["a"]]}')),
    *(("output.npz", content) for content in (None, b"no archive", b"", WHOLE[:-200])),
    ("output.npz", WHOLE[:600] + bytes([WHOLE[600] ^ 0xFF]) + WHOLE[601:]),
    ("output.npz", saved(output=np.array([{"a": 1}], dtype=object))),
    ("output.npz", saved(output=np.array(["a"]))),
]


@pytest.mark.parametrize(("file", "content"), DAMAGED)
def test_a_damaged_fixture_names_the_file(write: Write, file: str, content: bytes | None) -> None:
    folder = write()
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    result = run_fixture(folder)
    assert not result.ok
    assert str(folder / file) in result.reason
    assert "\n" not in result.reason
    assert set(json.loads(json.dumps(result.to_json(), allow_nan=False))) == KEYS


def test_numbers_stored_in_meta(write: Write) -> None:
    """A fixture of plain numbers has no ``output.npz``."""
    mean = float(uniform(1, 3, 12, 16).astype(float).mean())
    for name, value in (("right", mean), ("wrong", mean + 1e-4)):
        meta = {"system": "number", "values": {"output": value}, "tolerance": 1e-6, "metric": {}}
        folder = write(name, meta=meta)
        (folder / "output.npz").unlink()
        (folder / "params.json").unlink()
        assert run_fixture(folder).ok == (name == "right")


def test_choosing_fixtures(write: Write, tmp_path: Path) -> None:
    for name in ("net_a", "net_b", "other", "__pycache__"):
        write(name)
    root = tmp_path / "fixtures"
    for patterns, chosen in (
        ([], ["net_a", "net_b", "other"]),
        (["net_*"], ["net_a", "net_b"]),
        (["other", "net_b"], ["net_b", "other"]),
    ):
        assert [folder.name for folder in find_fixtures(root, patterns)] == chosen
    with pytest.raises(InputError, match=r"no fixture 'net_c'; did you mean 'net_"):
        find_fixtures(root, ["other", "net_c"])
    with pytest.raises(InputError, match="no such folder"):
        find_fixtures(root / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no fixtures in it"):
        find_fixtures(tmp_path / "empty")


def test_the_command(run: Run, tmp_path: Path) -> None:
    """A real system, an unknown one and a damaged folder in one go."""
    from defocus.baselines.systems.dncnn.network import DnCNN

    root = tmp_path / "fixtures"
    good = root / "dncnn"
    good.mkdir(parents=True)
    inputs = [PICTURE | {"shape": [1, 3, 32, 32]}]
    meta = {"system": "dncnn", "network_inputs": inputs, "tolerance": {"output": 1e-5}}
    (good / "meta.json").write_text(json.dumps(meta))
    module = DnCNN().eval()
    fill_weights(module, 0)
    (good / "params.json").write_text(json.dumps({"entries": entries(module)}))
    with torch.no_grad():
        output = module(torch.from_numpy(uniform(1, 3, 32, 32)))
        np.savez(good / "output.npz", output=output.numpy())
    shutil.copytree(good, root / "stranger")
    (root / "stranger" / "meta.json").write_text(json.dumps(meta | {"system": "unheard_of"}))
    shutil.copytree(good, root / "damaged")
    (root / "damaged" / "output.npz").write_bytes(b"damaged")

    arguments = ("tests.conformance", "--fixtures", root)
    result = run(*arguments, "--json")
    assert result.returncode == 1, result.stderr
    documents = {each["fixture"]: each for each in json.loads(result.stdout)}
    assert list(documents) == ["damaged", "dncnn", "stranger"]
    assert documents["dncnn"]["ok"] is True
    assert documents["dncnn"]["entries_equal"] is True
    assert documents["dncnn"]["max_abs_difference"] <= 1e-5
    assert documents["stranger"]["system"] == "unheard_of"
    assert "unheard_of" in documents["stranger"]["reason"]
    assert "output.npz" in documents["damaged"]["reason"]


def test_the_table(run: Run, tmp_path: Path) -> None:
    """An operator fixture made by our own probe passes, beside one that is not asked for."""
    root = tmp_path / "fixtures"
    write_operators(root / "jdrl_ops")
    write_operators(root / "other", system="other")
    result = run("tests.conformance", "--fixtures", root, "jdrl_*")
    assert result.returncode == 0, result.stderr
    header, line, total = result.stdout.splitlines()
    assert header.split() == ["fixture", "result", "entries", "difference", "tolerance"]
    assert line.split()[:3] == ["jdrl_ops", "ok", "-"]
    assert total == "1 of 1 fixtures ok, 0 failed, 0 of systems that are not here"
    result = run("tests.conformance", "--fixtures", root)
    assert result.returncode == 1
    assert result.stdout.splitlines()[2].startswith("other     absent")


def test_wrong_usage_gives_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fixtures" / "a").mkdir(parents=True)
    result = run("tests.conformance", "--fixtures", "fixtures", "b", "--json")
    assert (result.returncode, result.stdout) == (2, "")
    assert "no fixture 'b'" in result.stderr
    assert "Traceback" not in result.stderr
