"""Fixtures whose damage passes the first reading: the rest still run, and the output is JSON."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conformance import check as conformance
from tests.conformance.check import all_probes, run_fixture
from tests.conformance.probe import Probe
from tests.conftest import Run

INPUT = {"generator": "numpy PCG64(0).random", "shape": [1, 3, 24, 32]}


def write_operators(folder: Path, system: str = "jdrl_ops") -> Path:
    """A fixture of JDRL's operators, stored from our own probe."""
    shapes = {"image": 3, "core": 35, "flow": 2, "mask_flow": 2}
    given = {name: INPUT | {"shape": [1, count, 24, 32]} for name, count in shapes.items()}
    probe = all_probes()["jdrl_ops"]
    arrays = probe.run(None, probe.inputs({"inputs": given}), {"inputs": given})
    folder.mkdir(parents=True)
    meta = {"system": system, "inputs": given, "tolerance": 1e-6}
    (folder / "meta.json").write_text(json.dumps(meta))
    np.savez(folder / "output.npz", **{name: array.numpy() for name, array in arrays.items()})
    return folder


Ours = Callable[..., None]


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Ours:
    """Gives the operators another probe."""

    def replace(run: Callable[..., dict[str, torch.Tensor]]) -> None:
        probe = Probe(run=run, build=None, inputs=lambda _: {})
        monkeypatch.setattr(conformance, "all_probes", lambda: {"jdrl_ops": probe})

    return replace


def change_meta(folder: Path, **change: Any) -> None:
    document = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(document | change))


def strict(text: str) -> Any:
    """JSON without the words that only Python reads."""

    def refuse(word: str) -> None:
        raise AssertionError(f"not JSON: {word}")

    return json.loads(text, parse_constant=refuse)


def test_a_damaged_fixture_stops_no_other(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "fixtures"
    good = write_operators(root / "good")
    for name in ("infinite", "huge", "nan", "nan_tolerance", "no_output", "zz_good"):
        shutil.copytree(good, root / name)
    change_meta(root / "infinite", tolerance=float("inf"))
    change_meta(root / "nan_tolerance", tolerance=float("nan"))
    change_meta(root / "huge", inputs={"image": INPUT | {"shape": [1, 3, 10**7, 10**7]}})
    with np.load(good / "output.npz") as stored:
        arrays = dict(stored)
    np.savez(root / "nan" / "output.npz", **(arrays | {"warp": np.full((1, 3, 24, 32), np.nan)}))
    change_meta(root / "no_output", system="jdrl_unet")
    (root / "no_output" / "params.json").write_text('{"entries": []}')

    result = run("tests.conformance", "--fixtures", root, "--json")
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    found = {each["fixture"]: each for each in strict(result.stdout)}
    assert {name for name, each in found.items() if each["ok"]} == {"good", "zz_good"}
    assert "MemoryError" in found["huge"]["reason"]
    for name in ("infinite", "nan_tolerance"):
        assert "is no number of JSON" in found[name]["reason"]
    assert found["no_output"]["reason"].startswith(
        f"{root / 'no_output' / 'output.npz'} has no array 'output'"
    )
    assert found["nan"]["arrays"]["warp"] == {"difference": None, "tolerance": 1e-6}
    assert found["nan"]["max_abs_difference"] is None
    assert found["nan"]["reason"] == "warp: not finite"


def _flagged(offset: int, value: int) -> Callable[[Path], None]:
    """Change a byte of the first entry of the archive's directory."""

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[content.index(b"PK\x01\x02") + offset] = value
        path.write_bytes(content)

    return damage


def _huge_header(path: Path) -> None:
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**8, 10**8)}
    np.lib.format.write_array_header_1_0(stream, header)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("output.npy", stream.getvalue())


def _no_number(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("output.txt", b"words")


@pytest.mark.parametrize(
    "damage",
    [_flagged(6, 99), _flagged(8, 1), _flagged(10, 99), _huge_header, _no_number],
    ids=["version", "encrypted", "method", "huge header", "no array"],
)
def test_odd_archives_are_named(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = write_operators(tmp_path / "fixture")
    damage(folder / "output.npz")
    result = run_fixture(folder)
    assert not result.ok
    assert str(folder / "output.npz") in result.reason


@pytest.mark.parametrize("given", ["nan", "inf", "-inf"])
def test_ours_is_not_finite_either(tmp_path: Path, ours: Ours, given: str) -> None:
    """Equal infinities differ by NaN: no number, and not ok."""
    folder = write_operators(tmp_path / "fixture")
    picture = torch.full((1, 2), float(given))
    np.savez(folder / "output.npz", output=picture.numpy())
    ours(lambda *_: {"output": picture})
    with np.errstate(invalid="ignore"):
        document = run_fixture(folder).to_json()
    assert document["arrays"]["output"]["difference"] is document["max_abs_difference"] is None
    assert not document["ok"]


@pytest.mark.parametrize("error", [MemoryError("no room"), AssertionError("odd channels")])
def test_what_a_network_raises_is_a_reason(tmp_path: Path, ours: Ours, error: Exception) -> None:
    def fail(*_: object) -> dict[str, torch.Tensor]:
        raise error

    folder = write_operators(tmp_path / "fixture")
    ours(fail)
    result = run_fixture(folder)
    assert result.reason == f"the system failed: {type(error).__name__}: {error}"


def test_an_empty_array_proves_nothing(tmp_path: Path, ours: Ours) -> None:
    folder = write_operators(tmp_path / "fixture")
    np.savez(folder / "output.npz", output=np.zeros((1, 0)))
    ours(lambda *_: {"output": torch.zeros(1, 0)})
    assert run_fixture(folder).reason == "output: holds no number"
