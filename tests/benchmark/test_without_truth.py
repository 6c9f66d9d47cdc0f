"""Studies on pictures without sharp ones: no-reference scores, pictures, and never a gain."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from defocus.benchmark.metrics.metric import NO_REFERENCE
from defocus.benchmark.results.run_folder import left_out_of_run
from defocus.benchmark.results.store import STORE, read_results
from defocus.pictures.write import write_image
from tests.benchmark.test_run import rows_of
from tests.command_process import run_command

pytestmark = pytest.mark.full

PICTURES = ("a", "b")
RUN = (
    "run",
    "--only",
    "input",
    "--only",
    "wiener",
    "--dataset",
    "pictures:blind",
    "--out",
    "out",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study of two blurry pictures, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("blind")
    (folder / "blind").mkdir()
    for number, name in enumerate(PICTURES):
        noise = np.random.default_rng(number).random((200, 240, 3))
        soft = gaussian_filter(noise, (2, 2, 0))
        picture = (255 * (soft - soft.min()) / np.ptp(soft)).astype(np.uint8)
        write_image(folder / "blind" / f"{name}.png", picture)
    whole = (folder / "blind/a.png").read_bytes()
    (folder / "blind/cut.png").write_bytes(whole[: len(whole) // 2])
    result = run_command("defocus.benchmark.cli", [*RUN], folder, dict(os.environ))
    return {"result": result, "folder": folder, "out": folder / "out"}


def test_only_metrics_without_reference_have_rows(finished):
    rows = [row for row in rows_of(finished["out"]) if row["protocol"]]
    assert {(row["protocol"], row["metric"]) for row in rows} == {
        (NO_REFERENCE, "niqe")
    }
    assert {row["system"] for row in rows} == {"input", "wiener"}, (
        "no perfect restoration"
    )
    assert all(float(row["value"]) > 0 and row["images"] == "2" for row in rows)
    assert not any(row["gain"] or row["gain_resolution"] for row in rows)


def test_the_terminal_says_what_is_not_known(finished):
    shown = finished["result"].stdout
    assert "2 of 3 test pictures of 2 scenes, no sharp pictures" in shown
    assert "NIQE" in shown
    assert not re.search(r"PSNR|Gain|Rank|dB", shown)


def test_the_report_shows_the_pictures_and_no_gain(finished):
    html = (finished["out"] / "report.html").read_text()
    assert "without sharp pictures, so no gain over the blurry input is known" in html
    assert "a: blurry and restored" in html
    assert "whether it shows what was there" in html
    assert " dB" not in re.sub(
        r"<script.*?</script>|<style.*?</style>", "", html, flags=re.DOTALL
    )


def test_a_picture_that_cannot_be_read_is_left_out_by_name(finished):
    assert finished["result"].returncode == 1
    with read_results(finished["out"] / STORE) as results:
        entry = results.entries()[0]
        assert [one.id for one in left_out_of_run(results, entry.run)] == ["cut"]


def test_a_paper_s_table_has_the_metric_alone(finished, tmp_path):
    arguments = ["table", "methods", "--out", str(finished["out"])]
    result = run_command("defocus.benchmark.cli", arguments, tmp_path, dict(os.environ))
    assert "System & NIQE$\\downarrow$" in result.stdout
    assert "2 of 3 test pictures" in result.stdout


def test_the_same_command_repeats_nothing(finished):
    folder: Path = finished["folder"]
    again = run_command("defocus.benchmark.cli", [*RUN], folder, dict(os.environ))
    assert "nothing is repeated" in again.stderr
