"""A damaged pair is left out of a study and of a scoring by name; nothing else stops."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from defocus.benchmark.results.run_folder import training_left_out
from defocus.benchmark.results.store import read_results
from defocus.command_line.commands import command_group

SETTINGS = "[schedule]\nsteps = 2\ncrop_px = 32\nbatch = 2\n"
STUDY = ("--dataset", "pairs:mine", "--out", "out", "--settings", "settings.toml")


def bench(*words: str) -> Any:
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")
    return CliRunner().invoke(
        group, [str(word) for word in words], standalone_mode=False
    )


def write_pair(root: Path, split: str, name: str) -> None:
    noise = np.random.default_rng(sum(map(ord, name))).integers(
        0, 256, (12, 16, 3), np.uint8
    )
    sharp = cv2.resize(noise, (64, 48), interpolation=cv2.INTER_CUBIC)
    for role, picture in (
        ("sharp", sharp),
        ("blurry", cv2.GaussianBlur(sharp, (0, 0), 1)),
    ):
        (root / split / role).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / split / role / f"{name}.png"), picture)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Pairs of all splits; one of each is damaged, and of one test pair two files are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    Path("settings.toml").write_text(SETTINGS)
    root = tmp_path / "mine"
    for split, names in (("train", "abc"), ("validation", "vw"), ("test", "stu")):
        for name in names:
            write_pair(root, split, name)
    for name in ("train/sharp/a", "validation/blurry/v"):
        (root / f"{name}.png").write_bytes(b"none")
    cv2.imwrite(str(root / "train/sharp/b.png"), np.zeros((40, 64, 3), np.uint8))
    shutil.copy(root / "test/sharp/s.png", root / "test/sharp/s.jpg")
    return root


def mend(root: Path) -> None:
    (root / "test/sharp/s.jpg").unlink()
    for split, name in (("train", "a"), ("train", "b"), ("validation", "v")):
        write_pair(root, split, name)


@pytest.mark.full
def test_a_study_goes_on_without_damaged_pairs_and_takes_them_when_they_are_mended(
    folder,
):
    command = ("run", "--only", "unet", *STUDY)
    for _ in range(2):  # the second finds it finished and says the same
        result = bench(*command)
        assert result.return_value == 1, result.output
        for name in ("train-a", "train-b", "validation-v", "test-s"):
            assert result.stderr.count(f"pair {name} is left out: ") == 1
    with read_results(Path("out/results.sqlite")) as results:
        (entry,) = (one for one in results.entries() if one.system == "unet")
    assert entry.scored
    assert entry.train_dataset == "pairs:mine, without 3 pairs"
    run = Path("out/runs") / entry.run
    lacking = ["train-a", "train-b", "validation-v"]
    assert [one.id for one in training_left_out(run)] == lacking
    document = json.loads((run / "run.json").read_text())
    assert [one["id"] for one in document["training_left_out"]] == lacking
    assert [one["id"] for one in document["left_out"]] == ["test-s"]
    report = Path("out/report.html").read_text()
    assert "without 3 pairs" in report
    assert (
        f"pairs:mine is without 1 pair (test-s): {document['left_out'][0]['reason']}."
        in report
    )

    mend(folder)
    again = bench(*command)
    assert again.return_value == 0, again.output
    assert "is left out" not in again.stderr
    assert "without 3 pairs" not in Path("out/leaderboard.csv").read_text(), (
        "its row was replaced"
    )
    with read_results(Path("out/results.sqlite")) as results:
        assert len({one.run for one in results.entries() if one.system == "unet"}) == 2


def test_train_and_evaluate_say_it_too(folder):
    trained = bench("train", "unet", *STUDY)
    assert trained.return_value == 1, trained.output
    assert "pair train-a is left out: " in trained.stderr
    assert "pair test-s is left out: " in trained.stderr
    evaluated = bench("evaluate", "unet", *STUDY)
    assert evaluated.return_value == 1, evaluated.output
    assert "pair train-a is left out: " in evaluated.stderr


def test_score_lists_a_pair_that_the_reader_leaves_out(folder, capfd):
    shutil.copytree(folder / "test/blurry", "restored")
    row = ("--out", "out", "--name", "other")
    result = bench(
        "score", "--restored", "restored", "--dataset", "pairs:mine", "--json", *row
    )
    assert result.return_value == 1, result.output
    assert "picture test-s is left out: " in result.stderr
    stdout = json.loads(capfd.readouterr().out)
    assert [one["id"] for one in stdout["left_out"]] == ["test-s"]
    assert [one["name"] for one in stdout["images"]] == ["test-t", "test-u"]


def test_score_prints_its_document_where_every_picture_fails(folder, capfd):
    Path("restored").mkdir()
    for name in "tu":
        Path(f"restored/{name}.png").write_bytes(b"none")
    words = ("score", "--restored", "restored", "--sharp", "mine/test/sharp", "--json")
    (folder / "test/sharp/s.jpg").unlink()
    result = bench(*words)
    assert result.return_value == 2, result.output
    stdout = json.loads(capfd.readouterr().out)
    assert [one["id"] for one in stdout["left_out"]] == ["t.png", "u.png"]
    assert stdout["images"] == []
    assert stdout["mean"]["psnr"] is None


def test_a_row_without_a_pair_is_replaced_by_the_row_with_it(folder):
    command = ("evaluate", "input", "--dataset", "pairs:mine", "--out", "out")
    assert bench(*command).return_value == 1
    (lacking,) = Path("out/runs").iterdir()
    mend(folder)
    result = bench(*command)
    (whole,) = Path("out/runs").iterdir()
    assert lacking.name != whole.name
    assert f"{lacking.name}: replaced by {whole.name}" in result.stderr
    with read_results(Path("out/results.sqlite")) as results:
        hashes = {one.data_hash for one in results.entries()}
        assert {one.system for one in results.entries()} == {"ceiling", "input"}
    assert len(hashes) == 1


def test_a_row_of_fewer_pairs_stays_where_a_pair_is_gone_for_good(folder):
    mend(folder)
    command = ("evaluate", "input", "--dataset", "pairs:mine", "--out", "out")
    assert bench(*command).return_value == 0
    for role in ("blurry", "sharp"):
        (folder / "test" / role / "s.png").unlink()
    bench(*command)
    assert len(list(Path("out/runs").iterdir())) == 2
