"""A folder with an odd file of each kind: every command names them, lists them, and goes on."""

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from defocus.datasets.api import open_dataset
from tests.datasets.test_isolation import CARD, COMMANDS, called

EMPTY = np.zeros((96, 120, 3), np.uint8)
ODD = {
    "cut": (
        lambda f: f.write_bytes(f.read_bytes()[:-900] + b"\xff\xd9"),
        "the file is cut short",
    ),
    "empty": (lambda file: file.write_bytes(b""), "sharp/empty.png: "),
    "text": (lambda file: file.write_text("hello"), "not a picture that can be read"),
    "folder": (lambda file: (file.unlink(), file.mkdir()), "a folder, not a file"),
    "link": (
        lambda file: (file.unlink(), file.symlink_to("nowhere.png")),
        "a link to a file that is not there",
    ),
    "size": (lambda file: cv2.imwrite(str(file), EMPTY), "a pair needs one size"),
    "twice": (lambda file: shutil.copy(file, file.with_suffix(".jpg")), "is there too"),
}
WHOLE = ("a", "zero" * 60)  # the second has a long name, and no blue
SEEDS = dict.fromkeys(("a", "latin", *ODD), 0) | {WHOLE[1]: 1}
"""Those of one seed show one picture, which is measured once; other names have their own."""


def write_pair(root, name):
    seed = SEEDS.get(name, sum(map(ord, name)))
    noise = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    sharp = cv2.resize(noise, (128, 96), interpolation=cv2.INTER_CUBIC)
    if name == WHOLE[1]:
        sharp[:, :, 0] = 0
    for role, picture in (
        ("sharp", sharp),
        ("blurry", cv2.GaussianBlur(sharp, (0, 0), 2)),
    ):
        (root / role).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / role / f"{name}.png"), picture)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two whole pairs, and an odd one of each kind, one of them without a name in UTF-8."""
    monkeypatch.chdir(tmp_path)
    Path("rules.toml").write_text("most_gain_ev = 9.0\nsharper = false\n")
    Path("card.toml").write_text(CARD)
    root = tmp_path / "mine"
    for name in (*WHOLE, *ODD):
        write_pair(root, name)
    for name, (make, _) in ODD.items():
        make(root / "sharp" / f"{name}.png")
    write_pair(root, "latin")
    for role in ("blurry", "sharp"):
        (root / role / "latin.png").rename(root / role / os.fsdecode(b"latin\xe9.png"))
    return root


def mend(root):
    for name in ODD:
        for path in (root / "sharp").glob(f"{name}.*"):
            path.rmdir() if path.is_dir() else path.unlink()
        write_pair(root, name)
    for role in ("blurry", "sharp"):
        (root / role / os.fsdecode(b"latin\xe9.png")).rename(root / role / "latin.png")


@pytest.mark.full
@pytest.mark.parametrize("name", [one for one in COMMANDS if " " not in one])
def test_each_is_named_and_listed_and_tried_again(folder, name, capfd):
    words = [name, "pairs:mine", "--out", "out", *COMMANDS[name], "--on", "1"]
    result = called([*words, "--json"])
    assert result.return_value == 1, result.output
    listed = {
        one["id"]: one["reason"]
        for one in json.loads(capfd.readouterr().out)["left_out"]
    }
    assert [one.partition("_")[0] for one in sorted(listed)] == sorted([*ODD, "latin"])
    for pair, (_, reason) in ODD.items():
        assert reason in listed[pair]
        assert f"pair {pair} is left out: {listed[pair]}" in result.stderr
    assert not any(str(folder) in reason for reason in listed.values()), (
        "below the dataset's"
    )
    if name == "curate":
        assert "of 10 pairs kept" in called(words).stdout
    mend(folder)
    again = called(words)
    if name == "package":  # what may be published is not changed
        assert "choose another folder for --out" in str(again.exception)
        return
    assert again.return_value == 0, again.output
    assert not any(reason in again.stderr for _, reason in ODD.values())
    if name == "split":
        whole = {pair.id for pair in open_dataset("pairs:mine").pairs}
        assert {pair.id for pair in open_dataset("manifest:out").pairs} == whole


def test_list_names_them(folder, capfd):
    result = called(["list", "pairs:mine", "--json"])
    assert result.return_value == 1, result.output
    listed = {one["id"] for one in json.loads(capfd.readouterr().out)["left_out"]}
    assert {"cut", "empty", "text", "folder", "link", "twice"} < listed
    assert listed.isdisjoint(WHOLE)
    mend(folder)
    assert called(["list", "pairs:mine"]).return_value == 0
