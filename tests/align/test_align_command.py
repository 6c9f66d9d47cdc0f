import json
import os
import signal
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from defocus.align.compensation.blur_map import BLUR_NAMES
from defocus.align.flow.pwcnet.network import PWCNet
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.scene.geometry import Similarity
from defocus.storage.files import sha256_file
from tests.align.synthetic import largest_error_px
from tests.command_process import start_code
from tests.conformance.probe import fill_weights
from tests.conftest import Run
from tests.datasets.conftest import full_disk

__all__ = ["full_disk"]
KEYS = {
    *(
        "status",
        "misalignment_px",
        "shift_px",
        "zoom",
        "rotation_deg",
        "residual_px",
        "gain_ev",
    ),
    *(
        "reliable_share",
        "estimator",
        "weights_sha256",
        "reason",
        "model",
        "gain",
        "offset",
    ),
    *(
        "asymmetry",
        "vignetting_ev",
        "consistency_px",
        "occluded_share",
        "calibration_share",
    ),
    *("unexplained", "uncertainty"),
}
OUTPUTS = {
    "blurry.png",
    "sharp.png",
    "valid_mask.png",
    "misalignment.json",
    *BLUR_NAMES,
}


def align(
    run: Run, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    return run("defocus-data", "align", *arguments, **environment)


def test_the_numbers(run, pair, pair_files, tmp_path):
    out = tmp_path / "new" / "out"
    result = align(run, *pair_files, "--json", "--out", out)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document.pop("left_behind") == []
    assert set(document) == KEYS
    assert (document["status"], document["estimator"]) == ("ok", "dis")
    measured = Similarity(
        document["zoom"], document["rotation_deg"], tuple(document["shift_px"])
    )
    assert largest_error_px(measured, pair.truth) < 0.3
    assert document["gain_ev"] == pytest.approx(0.3, abs=0.03)
    assert {path.name for path in out.iterdir()} == OUTPUTS
    stored = json.loads((out / "misalignment.json").read_text())
    assert {key: stored[key] for key in KEYS} == document
    assert document["weights_sha256"] is None
    crop = stored["crop_px"]
    rows = slice(crop["top"], crop["top"] + crop["height"])
    columns = slice(crop["left"], crop["left"] + crop["width"])
    blurry, sharp, mask = (
        read_image(out / f"{n}.png") for n in ("blurry", "sharp", "valid_mask")
    )
    assert np.array_equal(blurry, pair.blurry[rows, columns])
    assert blurry.dtype == sharp.dtype == np.uint16
    assert blurry.shape == sharp.shape == mask.shape
    assert set(np.unique(mask)) <= {0, 255}
    assert (mask == 255).mean() > 0.8
    again = align(
        run, out / "blurry.png", out / "sharp.png", "--json", "--out", out / "again"
    )
    measured = json.loads(again.stdout)
    assert max(map(abs, measured["shift_px"])) < 0.1
    assert abs(measured["zoom"] - 1) < 3e-4


def test_the_hash_of_the_weights_is_given(run, pair, pair_files, tmp_path):
    network = PWCNet()
    fill_weights(network, 0)
    torch.save(network.state_dict(), tmp_path / "w.pth")
    wall = tmp_path / "wall.png"
    write_image(wall, np.full_like(pair.blurry, 20000))  # unknown: no flow is computed
    arguments = (wall, pair_files[1], "--flow-weights", tmp_path / "w.pth")
    result = align(run, *arguments, "--json", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["estimator"] == "pwcnet-official"
    assert document["weights_sha256"] == sha256_file(tmp_path / "w.pth")
    stored = json.loads((tmp_path / "out" / "misalignment.json").read_text())
    assert stored["weights_sha256"] == document["weights_sha256"]
    table = align(run, *arguments).stdout
    assert "estimator  pwcnet-official" in table
    assert document["weights_sha256"] in table
    help_text = " ".join(align(run, "--help").stdout.split())
    assert "a user's file in the official format; its hash is given" in help_text


@pytest.mark.parametrize("case", ["missing", "two sizes", "file in the way"])
def test_bad_paths_fail_before_torch_is_loaded(
    case, run_afresh, pair_files, tmp_path, said, snapshot
):
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was imported')")
    blurry, sharp = pair_files
    write_image(tmp_path / "small.png", read_image(sharp)[:-1])
    (tmp_path / "file").write_text("")
    blurry, sharp, out = {
        "missing": (tmp_path / "none.png", sharp, "new"),
        "two sizes": (blurry, tmp_path / "small.png", "new"),
        "file in the way": (blurry, sharp, "file"),
    }[case]
    path = f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"
    result = align(run_afresh, blurry, sharp, "--out", tmp_path / out, PYTHONPATH=path)
    assert said(result) == snapshot


KILLED = """
import os, signal
from defocus.align.compensation import output
from defocus.datasets.cli import main
output.valid_mask = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main()
"""


def test_what_a_kill_left_goes(run, pair_files, tmp_path):
    """It is killed when the pictures are staged and nothing is in its place."""
    with start_code(KILLED, "align", *pair_files, "--out", tmp_path / "out") as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert list((tmp_path / "out").glob(".align-*/sharp.png"))
    assert align(run, *pair_files, "--out", tmp_path / "out").returncode == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == OUTPUTS


def test_unknown_replaces_a_result(
    run, pair, pair_files, tmp_path, placeless, snapshot
):
    out, wall = tmp_path / "out", tmp_path / "wall.png"
    write_image(wall, np.full_like(pair.blurry, 20000))
    assert align(run, *pair_files, "--out", out).returncode == 0
    result = align(run, wall, wall, "--json", "--out", out)
    assert result.returncode == 0
    document = json.loads(result.stdout)
    assert document["status"] == "unknown"
    assert document["shift_px"] == [None, None]
    assert document["zoom"] is None
    assert [path.name for path in out.iterdir()] == ["misalignment.json"]
    assert placeless(result.stderr) == snapshot


WRONG = {
    "unreadable": ("torn.png", "sharp.png", "--out", "out"),
    "weights": ("blurry.png", "sharp.png", "--flow-weights", "w.pth", "--out", "out"),
    "estimator": (
        "blurry.png",
        "sharp.png",
        "--estimator",
        "farneback",
        "--out",
        "out",
    ),
    "a flow for no file": ("blurry.png", "sharp.png", "--model", "flow"),
    "onto the input": ("blurry.png", "sharp.png", "--out", "."),
    "onto another file": ("blurry.png", "sharp.png", "--out", "mine"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_line_and_nothing_is_overwritten(
    case, run, said, snapshot, pair_files, tmp_path
):
    for path in pair_files:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "torn.png").write_bytes(pair_files[0].read_bytes()[:5000])
    (tmp_path / "w.pth").write_bytes(b"PK\x03\x04 not a checkpoint")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sharp.png").write_bytes(b"mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert said(align(run, *WRONG[case])) == snapshot
    assert {
        path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    } == before


def test_full_disk_leaves_nothing_behind(run, pair_files, full_disk):
    result = align(run, *pair_files, "--json", "--out", full_disk / "out")
    assert result.returncode == 5, result.stderr
    assert "disk is full" in result.stderr
    assert [path.name for path in full_disk.iterdir()] == ["ballast"]


@pytest.mark.parametrize("renames", [1, 2, 3, 4])
def test_cut_short_while_publishing_the_same_command_ends_it(
    tmp_path, monkeypatch, renames
):
    from defocus.align.compensation import output
    from defocus.align.compensation.output_folder import check_output_folder
    from defocus.align.flow.by_name import flow_estimator
    from defocus.align.measure import measure

    picture = np.random.default_rng(1).integers(0, 255, (96, 128, 3), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.5)
    measurement = measure(picture, picture, flow_estimator())
    replace, left = Path.replace, [renames]

    def cut(path: Path, target: Path) -> Path:
        if target.parent == tmp_path / "out":
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            output.write_aligned(tmp_path / "out", picture, picture, measurement)
    numbers = json.loads((tmp_path / "out" / "misalignment.json").read_text())
    assert numbers["status"] == "unfinished"
    check_output_folder(tmp_path / "out")
    (tmp_path / "out" / "residual_flow.npy").touch()  # of an earlier run with a flow
    names = output.write_aligned(tmp_path / "out", picture, picture, measurement)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(names)
    assert (
        json.loads((tmp_path / "out" / "misalignment.json").read_text())["status"]
        != "unfinished"
    )
