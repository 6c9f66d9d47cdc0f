"""Running fixtures: what passes, what falls short, what is damaged, what is asked wrongly."""

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
from tests.conformance.check import all_probes, find_fixtures, run_fixture
from tests.conformance.probe import Probe, fill_weights, network_inputs
from tests.conftest import Run

KEYS = {
    "fixture",
    "system",
    "entries_equal",
    "arrays",
    "max_abs_difference",
    "tolerance",
    "ok",
    "reason",
}


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1))


def run_network(
    module: nn.Module | None, inputs: dict[str, torch.Tensor], meta: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    assert module is not None
    assert not module.training
    (picture,) = inputs.values()
    output = module(picture)
    return {"output": output, "inner": module[0](picture), "mask": (output > 0).to(torch.uint8)}


def run_operator(
    module: nn.Module | None, inputs: dict[str, torch.Tensor], meta: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    assert module is None
    return {"output": sum(inputs.values(), torch.zeros(()))}


def run_number(
    module: nn.Module | None, inputs: dict[str, torch.Tensor], meta: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    return {"output": inputs["input0"].double().mean()}


PROBES = {
    "number": Probe(run=run_number, build=None, inputs=network_inputs),
    "net": Probe(run=run_network, build=network, inputs=network_inputs),
    "ops": Probe(run=run_operator, build=None, inputs=network_inputs),
}

META: dict[str, Any] = {
    "system": "net",
    "seed": 3,
    "gain": 1.0,
    "overrides": [{"entries": ["2.bias"], "op": "add", "value": 0.25}],
    "network_inputs": [
        {
            "distribution": "uniform",
            "seed": 7,
            "shape": [1, 3, 12, 16],
            "scale": 1.0,
            "offset": 0.0,
        }
    ],
    "tolerance": {"output": 1e-5, "inner": 1e-5, "mask": 0.01},
    "metric": {
        "mask": "mean absolute difference (fraction of pixels that differ)",
        "others": "largest absolute difference",
    },
}


def stored_arrays() -> dict[str, np.ndarray]:
    """The network's arrays, made without the code under test (but for the filling rule)."""
    module = network().eval()
    fill_weights(module, 3)
    with torch.no_grad():
        module[2].bias += 0.25
        uniform = np.random.Generator(np.random.PCG64(7)).random((1, 3, 12, 16))
        inner = module[0](torch.from_numpy(uniform.astype(np.float32)))
        output = module[2](module[1](inner))
    return {
        "output": output.numpy(),
        "inner": inner.numpy(),
        "mask": (output > 0).numpy().astype(np.uint8),
    }


def entries() -> list[list[Any]]:
    return [
        [name, list(entry.shape), str(entry.dtype).removeprefix("torch.")]
        for name, entry in network().state_dict().items()
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
        (folder / "params.json").write_text(json.dumps({"entries": state or entries()}))
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


def test_a_wrong_output_fails_and_is_the_worst(write: Write) -> None:
    arrays = stored_arrays()
    arrays["output"][0, 1, 2, 3] += 3e-5
    arrays["inner"] += 2e-5
    result = run_fixture(write(arrays=arrays))
    assert not result.ok
    document = result.to_json()
    assert document["max_abs_difference"] == pytest.approx(3e-5, rel=0.02)
    assert document["tolerance"] == 1e-5
    assert document["arrays"]["inner"]["difference"] == pytest.approx(2e-5, rel=0.02)
    assert "output:" in result.reason
    assert "inner:" in result.reason


def test_the_worst_array_is_so_by_its_own_tolerance(write: Write) -> None:
    arrays = stored_arrays()
    arrays["output"] += 5e-6
    arrays["inner"] += 1e-4
    loose = {"tolerance": {"output": 1e-5, "inner": 1e-2, "mask": 0.01}}
    document = run_fixture(write(meta=loose, arrays=arrays)).to_json()
    assert document["ok"]
    assert document["tolerance"] == 1e-5
    assert document["max_abs_difference"] == pytest.approx(5e-6, rel=0.1)


def test_an_array_measured_by_its_mean(write: Write) -> None:
    arrays = stored_arrays()
    arrays["mask"][0, 0, 0, 0] ^= 1  # one of 576: 0.0017
    result = run_fixture(write(arrays=arrays))
    assert result.ok
    assert result.arrays["mask"].difference == pytest.approx(1 / 576)
    arrays["mask"][0, 0, 1, :6] ^= 1  # seven: 0.0122
    assert not run_fixture(write("more", arrays=arrays)).ok


@pytest.mark.parametrize("several", [False, True])
def test_a_stored_crop(write: Write, several: bool) -> None:
    arrays = stored_arrays()
    name = "inner" if several else "output"
    arrays[name] = arrays[name][:, :, 2:7, 5:15]
    crop = {"top": 2, "left": 5, "height": 5, "width": 10, "of": [1, 3, 12, 16]}
    stored = {"stored_crops": {name: crop}} if several else {"stored_crop": crop}
    assert run_fixture(write(meta=stored, arrays=arrays)).ok
    shifted = {key: {name: crop | {"left": 4}} if several else crop | {"left": 4} for key in stored}
    result = run_fixture(write("shifted", meta=shifted, arrays=arrays))
    assert result.reason.startswith(f"{name}: ")


def _renamed(state: list[list[Any]]) -> None:
    state[0][0] = "first.weight"


def _reordered(state: list[list[Any]]) -> None:
    state[0], state[1] = state[1], state[0]


def _reshaped(state: list[list[Any]]) -> None:
    state[0][1] = [4, 3, 5, 5]


def _retyped(state: list[list[Any]]) -> None:
    state[0][2] = "float16"


def _shorter(state: list[list[Any]]) -> None:
    state.pop()


def _longer(state: list[list[Any]]) -> None:
    state.append(["more", [1], "float32"])


@pytest.mark.parametrize("change", [_renamed, _reordered, _reshaped, _retyped, _shorter, _longer])
def test_entries_differ(write: Write, change: Callable[[list[list[Any]]], None]) -> None:
    state = entries()
    change(state)
    result = run_fixture(write(state=state))
    assert not result.ok
    assert result.to_json()["entries_equal"] is False
    assert "state dict" in result.reason


def test_an_operator_has_no_entries(write: Write) -> None:
    folder = write(
        "ops",
        meta={"system": "ops", "tolerance": 1e-6, "metric": {}},
        arrays={
            "output": np.random.Generator(np.random.PCG64(7))
            .random((1, 3, 12, 16))
            .astype(np.float32)
        },
    )
    (folder / "params.json").unlink()
    document = run_fixture(folder).to_json()
    assert document["ok"]
    assert document["entries_equal"] is None
    assert document["tolerance"] == 1e-6
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
    result = run_fixture(
        write(meta={"tolerance": META["tolerance"] | {"further": 1.0}}, arrays=arrays)
    )
    assert not result.ok
    assert message in result.reason
    assert result.to_json()["max_abs_difference"] is None
    json.dumps(result.to_json(), allow_nan=False)


def test_a_system_that_fails_is_a_reason(write: Write) -> None:
    wrong_input = [META["network_inputs"][0] | {"shape": [1, 5, 12, 16]}]
    result = run_fixture(write(meta={"network_inputs": wrong_input}))
    assert "the system failed: RuntimeError" in result.reason
    result = run_fixture(write("override", meta={"overrides": [{"entries": ["x"], "op": "set"}]}))
    assert "the system failed: KeyError" in result.reason


def _damage(name: str, content: bytes | None) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)

    return damage


def _cut_npz(folder: Path) -> None:
    path = folder / "output.npz"
    path.write_bytes(path.read_bytes()[:-200])


def _flip_npz(folder: Path) -> None:
    content = bytearray((folder / "output.npz").read_bytes())
    content[600] ^= 0xFF
    (folder / "output.npz").write_bytes(content)


def _pickled(folder: Path) -> None:
    np.savez(folder / "output.npz", output=np.array([{"a": 1}], dtype=object))


def _text(folder: Path) -> None:
    np.savez(folder / "output.npz", output=np.array(["a"]))


def _meta(**change: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / "meta.json").write_text(json.dumps(META | change))

    return damage


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (_damage("meta.json", None), "meta.json"),
        (_damage("meta.json", b"{"), "meta.json"),
        (_damage("meta.json", b"\xff\xfe"), "meta.json"),
        (_damage("meta.json", b"[]"), "meta.json"),
        (_damage("meta.json", b"[" * 100_000), "meta.json"),
        (_meta(system=None), "meta.json"),
        (_meta(tolerance={"output": -1.0}), "meta.json"),
        (_meta(tolerance={"output": 1.0}), "meta.json"),
        (_meta(metric={"mask": "median"}), "meta.json"),
        (_damage("params.json", b"{}"), "params.json"),
        (_damage("params.json", b'{"entries": [["a"]]}'), "params.json"),
        (_damage("output.npz", None), "output.npz"),
        (_damage("output.npz", b"no archive"), "output.npz"),
        (_damage("output.npz", b""), "output.npz"),
        (_cut_npz, "output.npz"),
        (_flip_npz, "output.npz"),
        (_pickled, "output.npz"),
        (_text, "output.npz"),
    ],
)
def test_a_damaged_fixture_names_the_file(
    write: Write, damage: Callable[[Path], None], file: str
) -> None:
    folder = write()
    damage(folder)
    result = run_fixture(folder)
    assert not result.ok
    assert str(folder / file) in result.reason
    assert "\n" not in result.reason
    assert set(result.to_json()) == KEYS


def test_numbers_stored_in_meta(write: Write) -> None:
    """A fixture of plain numbers has no ``output.npz``."""
    mean = float(np.random.Generator(np.random.PCG64(7)).random((1, 3, 12, 16)).mean())
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
    assert [folder.name for folder in find_fixtures(root)] == ["net_a", "net_b", "other"]
    assert [folder.name for folder in find_fixtures(root, ["net_*"])] == ["net_a", "net_b"]
    assert [folder.name for folder in find_fixtures(root, ["other", "net_b"])] == [
        "net_b",
        "other",
    ]
    with pytest.raises(InputError, match=r"no fixture 'net_c'; did you mean 'net_"):
        find_fixtures(root, ["other", "net_c"])
    with pytest.raises(InputError, match="no such folder"):
        find_fixtures(root / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no fixtures in it"):
        find_fixtures(tmp_path / "empty")


def test_every_systems_probes_are_found() -> None:
    assert {"jdrl_unet", "jdrl_reblur", "jdrl_ops", "pwcnet", "pwcnet_ops"} <= set(all_probes())


def test_the_command(run: Run, tmp_path: Path) -> None:
    """A real system, an unknown one and a damaged folder in one go."""
    from defocus.baselines.systems.dncnn.network import DnCNN

    root = tmp_path / "fixtures"
    good = root / "dncnn"
    good.mkdir(parents=True)
    inputs = [META["network_inputs"][0] | {"shape": [1, 3, 32, 32]}]
    meta = {"system": "dncnn", "network_inputs": inputs, "tolerance": {"output": 1e-5}}
    (good / "meta.json").write_text(json.dumps(meta))
    module = DnCNN().eval()
    fill_weights(module, 0)
    state = [
        [name, list(entry.shape), str(entry.dtype).removeprefix("torch.")]
        for name, entry in module.state_dict().items()
    ]
    (good / "params.json").write_text(json.dumps({"entries": state}))
    uniform = np.random.Generator(np.random.PCG64(7)).random((1, 3, 32, 32)).astype(np.float32)
    with torch.no_grad():
        np.savez(good / "output.npz", output=module(torch.from_numpy(uniform)).numpy())
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
    draws = {"image": "random", "core": "standard_normal", "flow": "standard_normal"}
    channels = {"image": 3, "core": 35, "flow": 2, "mask_flow": 2}
    inputs = {
        name: {
            "generator": f"numpy PCG64({seed}).{draws.get(name, 'standard_normal')}",
            "shape": [1, channels[name], 24, 32],
        }
        for seed, name in enumerate(channels)
    }
    probe = all_probes()["jdrl_ops"]
    arrays = probe.run(None, probe.inputs({"inputs": inputs}), {"inputs": inputs})
    root = tmp_path / "fixtures"
    for name in ("jdrl_ops", "other"):
        (root / name).mkdir(parents=True)
        meta = {"system": name, "inputs": inputs, "tolerance": 1e-6}
        (root / name / "meta.json").write_text(json.dumps(meta))
        np.savez(root / name / "output.npz", **{key: each.numpy() for key, each in arrays.items()})
    result = run("tests.conformance", "--fixtures", root, "jdrl_*")
    assert result.returncode == 0, result.stderr
    header, line, total = result.stdout.splitlines()
    assert header.split() == ["fixture", "result", "entries", "difference", "tolerance"]
    assert line.split()[:3] == ["jdrl_ops", "ok", "-"]
    assert total == "1 of 1 fixtures ok, 0 failed, 0 of systems that are not here"
    result = run("tests.conformance", "--fixtures", root)
    assert result.returncode == 1
    assert result.stdout.splitlines()[2].startswith("other     absent")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fixtures", "nowhere"], "nowhere: no such folder of fixtures"),
        (["--fixtures", "fixtures", "b"], "no fixture 'b'"),
    ],
)
def test_wrong_usage_gives_2(run: Run, tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "fixtures" / "a").mkdir(parents=True)
    result = run("tests.conformance", *arguments, "--json")
    assert result.returncode == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert "Traceback" not in result.stderr
