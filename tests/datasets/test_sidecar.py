"""Sidecars: without a picture, the same aligned pair elsewhere; other pictures are refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from defocus.align.compensation.compensate import Release
from defocus.align.compensation.output import write_aligned
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.datasets import sidecar_writing
from defocus.datasets.api import open_dataset
from defocus.datasets.checksums import folder_hashes, write_checksums
from defocus.datasets.differences import verify_folder
from defocus.datasets.sidecar import apply_sidecar, ceiling_db
from defocus.datasets.sidecar_writing import write_sidecar
from defocus.errors import AlignmentError, DatasetError, DefocusError, KilledError
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.write import write_image
from defocus.processes.isolation import Killed
from tests.datasets.conftest import put

NAME = "astronaut"


@pytest.fixture(scope="module")
def copy(mild, tmp_path_factory):
    """Somebody's copy of RealDOF, made of one misaligned pair and of one that has no detail."""
    root = tmp_path_factory.mktemp("realdof")
    (pair,) = (one for one in mild.pairs if one.id == NAME)
    for role, file in (("source", pair.blurry), ("target", pair.sharp)):
        put(root / role / "01.png", read_image(file))
        put(root / role / "02.png", np.full((64, 64, 3), 40000, np.uint16))
    return root


@pytest.fixture(scope="module")
def sidecar(copy, tmp_path_factory):
    out = tmp_path_factory.mktemp("sidecar") / "aligned"
    dataset = open_dataset(f"realdof:{copy}")
    write_sidecar(dataset, out, "aligned-v1", Release(), "dis")
    return out


def test_no_pixel_is_in_it_and_every_byte_is_covered(copy, sidecar):
    assert verify_folder(sidecar).ok
    assert not list(sidecar.parent.glob(".*"))
    size = sum(path.stat().st_size for path in sidecar.rglob("*") if path.is_file())
    assert size < 20_000
    masks = {path.stem: read_image(path)[:, :, 0] for path in sidecar.rglob("*.png")}
    assert set(masks) == {"reliable", "occluded", "sharper", "valid_mask"}
    for mask in masks.values():
        assert set(np.unique(mask)) <= {0, 255}
    assert masks["reliable"].shape == read_image(copy / "source/01.png").shape[:2]
    assert masks["reliable"].mean() > 128
    entries = json.loads((sidecar / "sidecar.json").read_text())["pairs"]
    assert [entry["status"] for entry in entries] == ["ok", "unknown"]
    assert entries[0]["gain_ev"] == pytest.approx(0.111, abs=0.02)  # as it was rendered
    assert 30 < entries[0]["ceiling_db"] < 60
    assert entries[1]["reason"]


def test_a_second_run_mends_the_first(copy, tmp_path, cache_folder, refused):
    mine, out = Path(shutil.copytree(copy, tmp_path / "mine")), tmp_path / "out"
    whole = (mine / "source/02.png").read_bytes()
    (mine / "source/02.png").write_bytes(whole[:80])

    def written():
        dataset = open_dataset(f"realdof:{mine}", damaged=True)
        sidecar, left_out = write_sidecar(dataset, out, "aligned-v1", Release(), "dis")
        return [one.reason for one in sidecar.pairs], [one.id for one in left_out]

    for _ in range(2):
        reasons, left_out = written()
        assert "could not be read" in reasons[1]
        assert left_out == ["02"]
    (mine / "source/02.png").write_bytes(whole)
    reasons, left_out = written()
    assert left_out == []
    assert reasons[1]
    assert "could not be read" not in reasons[1]
    assert verify_folder(out).ok
    assert {one.name for one in tmp_path.iterdir()} == {"mine", "out"}
    with refused(DatasetError):
        written()


def test_a_pair_whose_processes_were_killed_is_not_called_unreadable(
    copy, tmp_path, monkeypatch
):
    killed = {"01": Killed("01", "it was killed"), "02": Killed("02", "it was killed")}
    monkeypatch.setattr(sidecar_writing, "each", lambda *_: iter(killed.items()))
    dataset = open_dataset(f"realdof:{copy}")
    with pytest.raises(KilledError, match=r"01, 02: it was killed; then give the same"):
        write_sidecar(dataset, tmp_path / "out", "aligned-v1", Release(), "dis")
    assert not (tmp_path / "out").exists()


def test_applied_to_a_copy_it_gives_the_pair(copy, sidecar, tmp_path):
    elsewhere = Path(shutil.copytree(copy, tmp_path / "mine"))
    given = Path(shutil.copytree(sidecar, tmp_path / "given"))
    text = f"realdof:{elsewhere}"
    assert apply_sidecar(text, open_dataset(text), given).name == "realdof@aligned-v1"
    opened = open_dataset("realdof@aligned-v1")
    assert (opened.name, opened.source) == ("realdof@aligned-v1", "realdof")
    (pair,) = opened.pairs
    assert pair.sharp is not None
    originals = read_pair(copy / "source/01.png", copy / "target/01.png")
    write_aligned(
        tmp_path / "direct", *originals, measure(*originals, flow_estimator("dis"))
    )
    for role in ("blurry", "sharp"):
        expected = (tmp_path / "direct" / f"{role}.png").read_bytes()
        assert getattr(pair, role).read_bytes() == expected
    again = open_dataset("realdof@aligned-v1")
    assert again.content_hash == opened.content_hash


def test_a_copy_with_other_pictures_is_refused(copy, sidecar, tmp_path, refused):
    other = Path(shutil.copytree(copy, tmp_path / "other"))
    changed = read_image(other / "target/01.png").copy()
    changed[5, 5, 0] ^= 1
    write_image(other / "target/01.png", changed)
    text = f"realdof:{other}"
    with refused(AlignmentError):
        apply_sidecar(text, open_dataset(text), sidecar)
    (other / "target/01.png").unlink()
    (other / "source/01.png").unlink()
    with refused(DatasetError):
        apply_sidecar(text, open_dataset(text), sidecar)
    with refused(DatasetError):
        apply_sidecar("pairs:x", replace(open_dataset(text), name="pairs:x"), sidecar)


def test_a_damaged_or_hostile_sidecar_is_refused(copy, sidecar, tmp_path):
    text = f"realdof:{copy}"
    opened = open_dataset(text)
    bad = Path(shutil.copytree(sidecar, tmp_path / "bad"))
    document = json.loads((bad / "sidecar.json").read_text())
    (bad / "sidecar.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"sidecar\.json is changed"):
        apply_sidecar(text, opened, bad)
    odd = [{**document["pairs"][0], "id": "../../01"}, *document["pairs"][1:]]
    for key, value in (
        *(
            ("name", "../x"),
            ("reader", "../x"),
            ("pairs", []),
            ("more", 1),
            ("pairs", odd),
        ),
    ):
        (bad / "sidecar.json").write_text(json.dumps({**document, key: value}))
        write_checksums(bad, folder_hashes(bad))
        with pytest.raises(
            DatasetError, match=r"'pairs\.0\.id'" if value == odd else rf"'{key}"
        ):
            apply_sidecar(text, opened, bad)


def test_a_name_that_nothing_was_applied_for_is_refused(tmp_path):
    for name in ("dpdd@other", "dpdd@../x", "@x", "dpdd@"):
        with pytest.raises(DefocusError):
            open_dataset(name)


@pytest.mark.parametrize("sigma", [0.002, 0.01])
def test_the_ceiling_is_the_score_of_the_scene_without_noise(sigma):
    """A smooth scene with edges: its PSNR against itself with noise."""
    rows, columns = np.mgrid[0:200, 0:300]
    scene = 0.3 + 0.2 * np.sin(columns / 40) + 0.3 * (rows > 100)
    noisy = scene[:, :, None] + np.random.default_rng(1).normal(0, sigma, (200, 300, 3))
    ceiling = ceiling_db(np.rint(np.clip(noisy, 0, 1) * 65535).astype(np.uint16))
    assert ceiling == pytest.approx(-20 * np.log10(sigma), abs=0.3)
    assert ceiling_db(np.full((20, 20, 3), 9, np.uint8)) is None


def test_the_command(data, copy, sidecar, tmp_path, refused):
    result = data("sidecar", f"realdof:{copy}", "--apply", sidecar)
    assert result.stdout.endswith("use it with --dataset realdof@aligned-v1\n")
    assert result.stderr.count("pair 02 is left out") == 1
    shown = data(
        "package", "realdof@aligned-v1", "--to", "folder", "--out", "r", code=2
    )
    assert "release a sidecar instead" in shown.stderr
    for more in (("--out", "x"), ("--model", "flow")):
        data("sidecar", f"realdof:{copy}", "--apply", sidecar, *more, code=2)
    with refused(DatasetError):
        write_sidecar(
            open_dataset(f"realdof:{copy}"), tmp_path / "s", "../x", Release(), "dis"
        )
    assert not (tmp_path / "s").exists()
