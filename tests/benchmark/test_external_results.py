"""Pictures restored elsewhere, as a row of a leaderboard."""

import json
import shutil
from dataclasses import replace

import pytest

from defocus.benchmark.documents.paper_tables import paper_tables
from defocus.benchmark.external_results.options import ScoreOptions
from defocus.benchmark.external_results.row import record_scoring, score_request
from defocus.benchmark.leaderboard.content import read_content
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.store import STORE, read_results
from defocus.benchmark.statistics.standings import tracks
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from tests.benchmark.test_run import rows_of
from tests.datasets.conftest import write_folder


def test_a_folder_of_pictures_becomes_a_row_that_says_so(bench, tiny_dataset, tmp_path):
    (tmp_path / "theirs").mkdir()
    shutil.copy(tiny_dataset / "t1" / "blurry.png", tmp_path / "theirs" / "t1.png")
    arguments = ["score", "--restored", "theirs", "--dataset", f"tiny:{tiny_dataset}"]
    arguments += ["--profile", "dpdd8", "--out", "study", "--json"]
    refused = bench(*arguments)
    assert refused.returncode == 2
    assert "needs --out, --name and --dataset" in refused.stderr
    result = bench(*arguments, "--name", "=theirs")
    assert result.returncode == 1, result.stderr  # t2 is missing
    scored = json.loads(result.stdout)
    rows = {row["metric"]: row for row in rows_of(tmp_path / "study")}
    row = rows["psnr"]
    assert row["system"] == "'=theirs"
    facts = [row[name] for name in ("weights", "budget", "profile")]
    assert facts == ["elsewhere", "not-trained-here", "dpdd8"]
    assert (row["status"], row["images"], row["pictures"]) == ("ok", "1", "2")
    assert row["left_out"] == "t2: no restored picture was given"
    assert float(row["value"]) == pytest.approx(scored["mean"]["psnr"])
    assert float(rows["psnr_edges"]["value"]) == pytest.approx(
        scored["mean"]["psnr_edges"]
    )
    assert rows["lpips"]["status"].startswith("not-applicable: its file alexnet")
    again = bench(*arguments, "--name", "=theirs", "--profile", "png8")
    assert again.returncode == 1, again.stderr
    again = rows_of(tmp_path / "study")
    profiles = [row["profile"] for row in again if row["metric"] == "psnr"]
    assert profiles == ["dpdd8", "png8"]  # one does not take the other's place
    assert "seconds" not in rows


def test_a_row_of_cropped_pictures_says_so_and_competes_with_none(
    bench, tiny_dataset, tmp_path
):
    for name in ("t1", "t2"):
        picture = read_image(tiny_dataset / name / "blurry.png")
        for folder, part in (("whole", picture), ("cut", picture[1:-1, 1:])):
            (tmp_path / folder).mkdir(exist_ok=True)
            write_image(tmp_path / folder / f"{name}.png", part)
    beside = [
        "--dataset",
        f"tiny:{tiny_dataset}",
        "--profile",
        "dpdd8",
        "--crop",
        "centre",
    ]
    for folder in ("whole", "cut"):
        into = ["--out", "study", "--name", folder]
        result = bench("score", "--restored", folder, *beside, *into, "--json")
        assert result.returncode == 0, result.stderr
    area = {"restored": "47x46", "reference": "48x48", "scored": "47x46", "px": 47 * 46}
    assert json.loads(result.stdout)["cropped"] == {"t1": area, "t2": area}
    with read_results(tmp_path / "study" / STORE) as results:
        content = read_content(tmp_path / "study", results, leaderboard(results))
        fields = [[one.system for one in track.standings] for track in tracks(results)]
    assert fields == [["whole"], ["cut, cropped to 47x46"]]
    assert [paper.caption for paper in paper_tables(content, "methods")] == [
        f"Restoration on tiny, protocol gt{scored}: 2 test pictures of 2 scenes"
        for scored in ("", ", scored from files, cropped to 47x46")
    ]
    (by_protocol,) = paper_tables(content, "protocols")
    assert [group.name for group in by_protocol.groups] == [
        "gt, 2 pictures of 2 scenes",
        "gt, scored from files, cropped to 47x46, 2 pictures of 2 scenes",
    ]
    (by_dataset,) = paper_tables(content, "datasets")
    assert by_dataset.caption == "Restoration by dataset, 1 evaluation"
    assert by_dataset.groups[0].name == "tiny (gt), 2 pictures of 2 scenes"


def test_a_row_keeps_the_own_reason_of_each_picture_without_a_value(tmp_path):
    folder = write_folder(
        tmp_path / "pairs" / "test", ["a.png", "b.png", "c.png"], bits=8
    )
    dataset = f"pairs:{folder.parent}"
    scoring = score_request(
        ScoreOptions(
            restored=folder / "blurry", dataset=dataset, profile="dpdd8", crop=None
        )
    )
    first, second, third = (image["name"] for image in scoring.images)
    images = [
        {**one, "psnr": 30.0 if one["name"] == third else None, "warp_px": float(n)}
        for n, one in enumerate(scoring.images)
    ]
    why = {
        first: {"psnr": "the texture repeats itself"},
        second: {"psnr": "hardly any texture"},
    }
    rows = record_scoring(
        tmp_path / "study",
        "theirs",
        dataset,
        replace(scoring, images=images, reasons=why),
    )
    lacking = f"{first}: the texture repeats itself; {second}: hardly any texture"
    # both over the same picture
    for metric, mean in (("psnr", 30.0), ("warp_px", 2.0)):
        (row,) = (row for row in rows if row.metric == metric)
        assert (row.images, row.pictures, row.value) == (1, 3, mean)
        assert row.left_out == lacking
    with read_results(tmp_path / "study" / STORE) as results:
        content = read_content(tmp_path / "study", results, leaderboard(results))
    for style in ("methods", "costs"):
        (paper,) = paper_tables(content, style)
        assert paper.images == (1,)
        assert "1 of 3 test pictures of 1 scene" in paper.caption
