"""Pictures restored elsewhere, as a row of a leaderboard."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.benchmark.conftest import Bench


def test_a_folder_of_pictures_becomes_a_row_that_says_so(
    bench: Bench, tiny_dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "theirs").mkdir()
    shutil.copy(tiny_dataset / "t1" / "blurry.png", tmp_path / "theirs" / "t1.png")
    arguments = ["score", "--restored", "theirs", "--dataset", f"tiny:{tiny_dataset}"]
    arguments += ["--profile", "dpdd8", "--out", "study", "--json"]
    refused = bench(*arguments)
    assert refused.returncode == 2
    assert "needs --out, --name and --dataset" in refused.stderr
    done = bench(*arguments, "--name", "=theirs")
    assert done.returncode == 1, done.stderr  # t2 is missing
    scored = json.loads(done.stdout)
    with (tmp_path / "study" / "leaderboard.csv").open(newline="", encoding="utf-8") as handle:
        rows = {row["metric"]: row for row in csv.DictReader(handle)}
    row = rows["psnr"]
    assert row["system"] == "'=theirs"
    assert (row["weights"], row["budget"], row["profile"]) == (
        "elsewhere",
        "not-trained-here",
        "dpdd8",
    )
    assert (row["status"], row["images"], row["pictures"]) == ("ok", "1", "2")
    assert row["left_out"] == "t2: no restored picture was given"
    assert float(row["value"]) == pytest.approx(scored["mean"]["psnr"])
    assert float(rows["psnr_edges"]["value"]) == pytest.approx(scored["mean"]["psnr_edges"])
    assert rows["lpips"]["status"].startswith("not-applicable: LPIPS")
    again = bench(*arguments, "--name", "=theirs", "--profile", "png8")
    assert again.returncode == 1, again.stderr
    with (tmp_path / "study" / "leaderboard.csv").open(newline="", encoding="utf-8") as handle:
        profiles = [row["profile"] for row in csv.DictReader(handle) if row["metric"] == "psnr"]
    assert profiles == ["dpdd8", "png8"]  # one does not take the other's place
    assert "seconds" not in rows
