"""From the camera to the leaderboard through the commands alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from defocus.pictures.write import write_image
from tests.benchmark.test_run import rows_of
from tests.conftest import Run

SETTINGS = "[schedule]\nsteps = 2\ncrop_px = 32\nbatch = 1\n"
UNTRAINED = ("--only", "input", "--only", "wiener")


def study(run: Run, folder: Path, *systems: str) -> list[dict[str, str]]:
    """Shoot is done: import the session and run the systems on the dataset, briefly trained."""
    run("defocus-data", "import", "session", "--out", "dataset", code=0)
    (folder / "settings.toml").write_text(SETTINGS)
    run(
        "defocus-bench", "run", "--all", *systems, "--dataset", "manifest:dataset",
        "--settings", "settings.toml", "--out", "study", code=0,
    )  # fmt: skip
    for name in ("report.html", "report.pdf", "results.sqlite"):
        assert (folder / "study" / name).stat().st_size > 1000
    return rows_of(folder / "study")


def test_a_simulated_session_becomes_a_leaderboard(run, tmp_path):
    camera = "sim:?seed=3&width=240&height=180&shift=3&breathing=0.01"
    run(
        "defocus-capture", "shoot", "session", "--camera", camera, "--blurry", "f/4",
        "--sharp", "f/22", "--scenes", "3", "--yes", code=0,
    )  # fmt: skip
    pair = next(iter(sorted((tmp_path / "session" / "pairs").iterdir())))
    result = run(
        "defocus-data", "align", pair / "blurry.tif", pair / "sharp.tif", "--json"
    )
    document = json.loads(result.stdout)
    truth = json.loads((pair / "truth" / "truth.json").read_text())["misalignment"]
    assert document["status"] == "ok"
    assert document["shift_px"] == pytest.approx(truth["shift_px"], abs=0.3)
    assert document["zoom"] == pytest.approx(truth["zoom"], abs=0.001)
    rows = study(run, tmp_path, *UNTRAINED, "--only", "jdrl-unet")
    scores = {
        (row["system"], row["protocol"]): row for row in rows if row["metric"] == "psnr"
    }
    assert len(scores) == 3 * 4 + 3  # nothing is a ceiling under deformed-gt
    assert all(
        row["status"] == "ok" and float(row["value"]) > 3 for row in scores.values()
    )
    assert float(scores["input", "truth"]["value"]) > float(
        scores["input", "gt"]["value"]
    )
    aligned, as_captured = (scores["ceiling", name] for name in ("input-aligned", "gt"))
    assert 100 > float(aligned["value"]) > float(as_captured["value"]) + 5  # 3 px apart


@pytest.mark.full
def test_a_virtual_cameras_session_becomes_a_leaderboard(run, tmp_path):
    (tmp_path / "pictures").mkdir()
    # a pair in two splits would be a leak
    for scene in (data.chelsea(), data.astronaut()):
        crop = np.ascontiguousarray(scene[:256, :320])
        write_image(tmp_path / "pictures" / "scene.jpg", crop)
        run(
            "defocus-capture", "shoot", "session", "--camera", "gphoto2:virtual=pictures",
            "--blurry", "f/4", "--sharp", "f/22", "--settle", "0", "--yes", code=0,
        )  # fmt: skip
    pair = next(iter(sorted((tmp_path / "session" / "pairs").iterdir())))
    result = run(
        "defocus-data", "align", pair / "blurry.jpg", pair / "sharp.jpg", "--json"
    )
    document = json.loads(result.stdout)
    assert document["status"] == "ok"
    assert document["shift_px"] == pytest.approx([0, 0], abs=0.02)
    rows = study(run, tmp_path, *UNTRAINED)
    truth = [row for row in rows if row["protocol"] == "truth"]
    assert truth
    assert all(row["status"].startswith("not-applicable: ") for row in truth)
    assert all(
        row["status"] == "ok"
        for row in rows
        if row["metric"] == "ssim" and row not in truth
    )
