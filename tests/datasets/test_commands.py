"""``defocus-data import`` and ``list`` as processes, with their exit codes."""

import json
import math
import re
import signal
from dataclasses import replace

import numpy as np
import pytest

from defocus.datasets.api import open_dataset
from defocus.datasets.commands.list import description
from defocus.datasets.pair import Pair
from defocus.errors import DatasetError
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.write import write_image
from tests.capture.raw_sessions import bayer_dng
from tests.command_process import start_code
from tests.datasets.conftest import write_session


@pytest.fixture
def session(tmp_path, strong):
    return write_session(tmp_path / "shoot", list(strong.pairs[:3]))


def test_an_import_opens(tmp_path, session, strong, data):
    result = data("import", session, "--out", tmp_path / "set")
    assert "3 pairs" in result.stdout
    assert "one scene" not in result.stderr
    dataset = open_dataset(f"manifest:{tmp_path / 'set'}")
    assert [pair.id for pair in dataset.pairs] == [
        "0001_astronaut",
        "0002_cafe",
        "0003_cat",
    ]
    assert {"train", "test"} <= {pair.split for pair in dataset.pairs}
    for imported, source in zip(dataset.pairs, strong.pairs, strict=False):
        assert imported.blurry.read_bytes() == source.blurry.read_bytes()
        assert imported.sharp.read_bytes() == source.sharp.read_bytes()
        assert imported.flow is not None
        measured, true = imported.metadata["measured_misalignment"], source.metadata
        misalignment = true["true_misalignment"]
        assert measured["status"] == "ok"
        assert math.dist(measured["shift_px"], misalignment["shift_px"]) < 0.3
        assert abs(measured["zoom"] - misalignment["zoom"]) < 0.002


def test_an_import_says_why_a_misalignment_is_unknown(tmp_path, strong, data):
    plain = tmp_path / "plain.png"
    write_image(plain, np.full_like(read_image(strong.pairs[0].sharp), 120))
    pairs = [replace(strong.pairs[0], sharp=plain), strong.pairs[1]]
    root = write_session(tmp_path / "shoot", pairs)
    result = data("import", root, "--out", tmp_path / "set", "--json")
    unknown, known = open_dataset(f"manifest:{tmp_path / 'set'}").pairs
    assert known.metadata["measured_misalignment"]["status"] == "ok"
    reason = unknown.metadata["measured_misalignment"]["reason"]
    assert reason
    line = f"pair {unknown.id}: its misalignment could not be measured: {reason}"
    assert line in result.stderr
    assert json.loads(result.stdout)["unknown"] == [unknown.id]


@pytest.mark.parametrize("what", ["changed", "cut", "missing"])
def test_a_pair_of_a_session_that_is_damaged_is_left_out_of_an_import(
    tmp_path, session, data, what
):
    victim, whole = session / "pairs/0002_cafe/sharp.png", tmp_path / "whole.png"
    victim.rename(whole)
    content = bytearray(whole.read_bytes())
    content[5000] ^= 1
    if what != "missing":
        victim.write_bytes(
            bytes(content) if what == "changed" else bytes(content[:5000])
        )
    result = data("import", session, "--out", tmp_path / "set", code=1)
    assert "pair 0002_cafe is left out: " in result.stderr
    assert "pair 0002_cafe: sharp.png " in result.stderr
    assert len(open_dataset(f"manifest:{tmp_path / 'set'}").pairs) == 2
    whole.replace(victim)
    data("import", session, "--out", tmp_path / "set")
    assert len(open_dataset(f"manifest:{tmp_path / 'set'}").pairs) == 3


@pytest.mark.full
def test_a_pair_of_a_session_that_is_damaged_is_left_out_of_the_dataset(
    session, capsys, refused
):
    victim = session / "pairs/0002_cafe/sharp.png"
    victim.write_bytes(victim.read_bytes()[:5000])
    dataset = open_dataset(f"session:{session}")
    assert [pair.id for pair in dataset.pairs] == ["0001_astronaut", "0003_cat"]
    stderr = capsys.readouterr().err
    assert "pair 0002_cafe is left out: " in stderr
    assert "sharp.png has 5000 bytes" in stderr
    for folder in session.glob("pairs/*"):
        (folder / "sharp.png").unlink()
    with refused(DatasetError):
        open_dataset(f"session:{session}")


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_import_of_no_good_session(tmp_path, data, what, said, snapshot):
    place = tmp_path / what
    if what == "empty":
        place.mkdir()
    assert said(data("import", place, "--out", tmp_path / "set", code=2)) == snapshot
    assert not (tmp_path / "set").exists()


def test_import_of_a_pair_that_cannot_be_decoded(
    tmp_path, strong, data, said, snapshot
):
    pair = strong.pairs[0]
    broken = tmp_path / "broken.png"
    broken.write_bytes(pair.blurry.read_bytes()[:5000])
    root = write_session(tmp_path / "shoot", [replace(pair, blurry=broken)])
    assert said(data("import", root, "--out", tmp_path / "set", code=2)) == snapshot
    assert not (tmp_path / "set" / "manifest.json").exists()
    assert not list((tmp_path / "set" / "pairs").iterdir())


def test_import_on_a_full_disk(full_disk, session, data):
    result = data("import", session, "--out", full_disk / "set", code=5)
    assert "disk is full" in result.stderr
    left = [path for path in full_disk.rglob("*") if path.is_file()]
    assert {path.name for path in left} == {"ballast", "import.json"}


def test_raw_files_are_developed_as_a_pair(tmp_path, data):
    files = [tmp_path / f"{n}.dng" for n in (0, 1)]
    light = np.full((64, 64), 0.12)
    light[:4, :4] = 0.9
    for file, neutral in zip(files, ((0.5, 1.0, 0.6), (0.47, 1.0, 0.64)), strict=True):
        bayer_dng(file, light, neutral=neutral)
    root = write_session(tmp_path / "shoot", [Pair("desk", "desk", "test", *files)])
    expected = read_pair(*files)
    data("import", root, "--out", tmp_path / "set")
    imported = open_dataset(f"manifest:{tmp_path / 'set'}").pairs[0]
    read = open_dataset(f"session:{root}").pairs[0]
    for pair in (imported, read):
        for file, picture_expected in zip(
            (pair.blurry, pair.sharp), expected, strict=True
        ):
            assert file.suffix == ".png"
            pixels = read_image(file)
            assert pixels.dtype == np.uint16
            assert np.array_equal(pixels, picture_expected)


def test_list_prints_one_json_list_and_lines_for_people(data):
    result = data("list", "--json", code=None)
    names = [kind["name"] for kind in json.loads(result.stdout)]
    assert names[:3] == ["sample", "sample:strong", "sample:wide"]
    assert {"pairs:DIR", "manifest:DIR", "session:DIR"} <= set(names)
    result = data("list", code=None)
    assert "sample:wide" in result.stdout
    assert all(
        re.search(r"[^.)]\.$|[^.]\)\.$", line) for line in result.stdout.splitlines()
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_list_counts_the_pairs_of_a_set_of_ones_own(mild, refused):
    document, lines = description(f"{mild.name}:")
    assert document["complete"] is None
    assert document["found"] == {"train": 7, "validation": 1, "test": 16}
    assert "24 pairs in 24 scenes (7 train, 1 validation, 16 test)" in lines[-1]
    with refused(DatasetError):
        description("sample:none")


KILLED = """
import os, signal
from defocus.datasets.cli import main
from defocus.datasets.deriving import import_session
measured = import_session.measured_alone
def of_the_first(blurry, sharp):
    if blurry.parent.name.startswith(".0002_"):
        os.kill(os.getpid(), signal.SIGKILL)
    return measured(blurry, sharp)
import_session.measured_alone = of_the_first
main()
"""


def test_killed_imports_leave_nothing(tmp_path, session, data):
    """Killed while the second pair is made: what is half-done is gone after the next import."""
    out = tmp_path / "set"
    for _ in range(2):
        with start_code(KILLED, "import", session, "--out", out) as process:
            process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert len(list(out.glob("pairs/.0002_*.part"))) == 1
    (left,) = out.glob("pairs/.0002_*.part")
    (out / ".import-a1b2c3d4.part").mkdir()  # killed while import.json was written
    own = out / "pairs" / ".notes.part"
    own.mkdir()
    data("import", session, "--out", out)
    assert list(out.rglob(".*")) == [own]
    left.mkdir()  # of an import that was killed while another one made the pair
    data("import", session, "--out", out)
    assert list(out.rglob(".*")) == [own]
