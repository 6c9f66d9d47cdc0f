"""Kept restored pictures: exact, hashed, and used in place of the network."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from defocus.benchmark.evaluation.kept_outputs import (
    BYTES_PER_PIXEL,
    KeptOutputs,
    bytes_needed,
)
from defocus.datasets.pair import Pair
from defocus.pictures.write import write_image
from tests.benchmark.conftest import distribution
from tests.benchmark.test_run import rows_of

BASIS = {"data": "0", "checkpoint": "1"}

COUNTED = """
import os
from pathlib import Path

from defocus.benchmark.metrics.metric import Metric


def compute(restored, reference, mask, profile):
    return float(abs(restored - reference).max())


METRIC = Metric("counted", "Counted", "lower", "", 3, compute, revision=int(os.environ["REVISION"]))
"""


@pytest.fixture
def pair(tmp_path):
    blurry = tmp_path / "blurry.png"
    write_image(blurry, np.zeros((6, 8, 3), np.uint8))
    return Pair("p", "s", "test", blurry, None)


def restored(dtype: type) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(0)
    return random.normal(0.5, 0.5, (6, 8, 3)).astype(dtype).astype(np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_picture_comes_back_to_the_bit(tmp_path, pair, dtype):
    KeptOutputs(tmp_path, BASIS).write(pair, restored(dtype))
    again = KeptOutputs(tmp_path, BASIS)
    assert again.complete([pair])
    picture = again.read(pair)
    assert picture.dtype == np.float64
    assert np.array_equal(picture, restored(dtype))
    assert bytes_needed([pair]) == 6 * 8 * BYTES_PER_PIXEL


@pytest.mark.parametrize("damage", ["changed", "deleted", "not one"])
def test_a_damaged_picture_is_said_and_counts_as_none(tmp_path, pair, damage, capsys):
    KeptOutputs(tmp_path, BASIS).write(pair, restored(np.float32))
    path = tmp_path / "outputs" / "p.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(content if damage == "changed" else b"")
    assert KeptOutputs(tmp_path, BASIS).read(pair) is None
    assert "p.npz: damaged or missing; restored again" in capsys.readouterr().err


def test_pictures_of_another_checkpoint_or_without_a_manifest_count_as_none(
    tmp_path, pair
):
    KeptOutputs(tmp_path, BASIS).write(pair, restored(np.float32))
    assert not KeptOutputs(tmp_path, BASIS | {"checkpoint": "2"}).begun
    (tmp_path / "outputs.json").write_text("{")
    assert not KeptOutputs(tmp_path, BASIS).begun
    assert KeptOutputs(tmp_path, BASIS).read(pair) is None


@pytest.fixture
def counted(tmp_path):
    """A distribution with a metric whose revision the environment says."""
    points = "[defocus.metrics]\ncounted = countedmetric:METRIC\n"
    return distribution(tmp_path / "counted", "counted", points, countedmetric=COUNTED)


def stored(out: Path, query: str, *given: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(out / "results.sqlite")) as connection, connection:
        return connection.execute(query, given).fetchall()


def others_of(out: Path) -> list[tuple[Any, ...]]:
    """The stored lines of all metrics but the counted one, with their versions."""
    return stored(
        out,
        "SELECT * FROM scores JOIN versions USING (run, metric) WHERE metric != 'counted' "
        "ORDER BY run, profile, protocol, metric, pair",
    )


def costs_of(out: Path) -> list[tuple[Any, ...]]:
    return stored(out, "SELECT * FROM costs ORDER BY run, metric")


def values_of(out: Path, metric: str) -> set[tuple[str, str, str, str]]:
    return {
        (row["system"], row["protocol"], row["value"], row["metric_version"])
        for row in rows_of(out)
        if row["metric"] == metric
    }


def test_a_new_metric_and_a_raised_revision_are_computed_alone(
    bench, third_party, tiny_dataset, finished_two, two_runs, counted, tmp_path
):
    """With kept outputs and without checkpoint; then with a damaged picture; then without any."""
    path = f"{third_party['PYTHONPATH']}{os.pathsep}{counted}"
    out = two_runs
    common = ["run", "--only", "input", "--only", "tiny-conv", "--out", "out"]
    common += ["--dataset", f"tiny:{tiny_dataset}"]
    assert (
        "keeping the restored pictures of 2 runs takes up to 0.1 MB" in finished_two[1]
    )
    before, costs = others_of(out), costs_of(out)
    (checkpoint,) = out.glob("runs/tiny-conv-*/checkpoint.safetensors")
    checkpoint.rename(tmp_path / "aside")  # no network can run

    added = bench(*common, PYTHONPATH=path, REVISION="1")
    assert added.returncode == 0, added.stderr
    assert "tiny-conv" in added.stderr
    assert ": counted" in added.stderr
    assert others_of(out) == before
    assert costs_of(out) == costs
    new = values_of(out, "counted")
    assert {(system, version) for system, _, _, version in new} >= {("tiny-conv", "1")}
    assert (
        "all 2 runs are finished"
        in bench(*common, PYTHONPATH=path, REVISION="1").stderr
    )

    (tmp_path / "aside").rename(checkpoint)
    (kept,) = out.glob("runs/tiny-conv-*/outputs/t1.npz")
    intact = kept.read_bytes()
    kept.write_bytes(intact[:-40])
    raised = bench(*common, PYTHONPATH=path, REVISION="2")
    assert raised.returncode == 0, raised.stderr
    assert f"{kept.name}: damaged or missing; restored again" in raised.stderr
    assert kept.read_bytes() == intact
    assert others_of(out) == before
    again = values_of(out, "counted")
    assert {one[:3] for one in again} == {one[:3] for one in new}
    assert {version for *_, version in again} == {"2"}

    for folder in out.glob("runs/*/outputs"):
        for file in folder.iterdir():
            file.unlink()
        folder.with_suffix(".json").unlink()
    restored_again = bench(*common, PYTHONPATH=path, REVISION="3")
    assert restored_again.returncode == 0, restored_again.stderr
    assert {one[:3] for one in values_of(out, "counted")} == {one[:3] for one in new}
    assert others_of(out) == before
    assert not list(out.glob("runs/*/outputs/*"))
