"""Whatever happens with one picture of a folder, the others are restored and it is named."""

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from defocus.errors import storage_error
from defocus.restoration import run as module
from defocus.restoration.files.sources import given_pictures
from defocus.restoration.run import restore_pictures
from defocus.restoration.settings import RestoreSettings
from tests.restoration.test_restore import CPU, Local, made_in, system

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


def folder_of(parent: Path, *names: str) -> Path:
    folder = parent / "mine"
    folder.mkdir()
    for name in names:
        content = cv2.imencode(".png", PIXELS)[1].tobytes()
        (folder / name).write_bytes(content)
    return folder


class OddError(Exception):
    """Of no family that anybody lists."""


@pytest.mark.parametrize(
    "error", [OddError("odd"), TypeError("abs()"), ValueError("too long")]
)
def test_whatever_one_picture_fails_by_the_others_are_restored(
    tmp_path, monkeypatch, error
):
    write = module.write_picture

    def failing(path: Path, *rest: Any) -> None:
        if path.name == "b.png":
            raise error
        write(path, *rest)

    folder = folder_of(tmp_path, "a.png", "b.png", "c.png")
    monkeypatch.setattr(module, "write_picture", failing)
    restorations = made_in(tmp_path / "out", folder, tile=0)
    reason = (
        f"{folder}/b.png: unforeseen {type(error).__name__}: {error}; please report it"
    )
    assert restorations[1].reason.startswith(reason)
    assert [one.reason for one in (restorations[0], restorations[2])] == ["", ""]
    monkeypatch.undo()
    again = made_in(tmp_path / "out", folder, tile=0)
    assert not any(one.reason for one in again), "a second run tries it again"
    assert [one.seconds > 0 for one in again] == [False, True, False]


def test_a_full_disk_stops(tmp_path, monkeypatch, refused):
    def full(path: Path, *_rest: Any) -> None:
        raise storage_error(OSError(28, "No space left on device"), path)

    monkeypatch.setattr(module, "write_picture", full)
    with refused(Exception):
        made_in(tmp_path / "out", folder_of(tmp_path, "a.png", "b.png"), tile=0)


def test_odd_names_are_a_line_or_written(tmp_path, run):
    latin, long = os.fsdecode(b"b\xe9ret.png"), "é" * 120 + ".png"
    folder = folder_of(tmp_path, "a.png", latin, long, "z.png")
    (folder / "scene.jpg").mkdir()
    out = tmp_path / os.fsdecode(b"out\xe9")
    command = ("restore", folder, "--baseline", "wiener", "--out", out, "--json")
    for _ in range(2):
        result = run("defocus-bench", *command, code=2)
        assert (
            r"b\udce9ret.png is left out: its name is not UTF-8; rename it"
            in result.stderr
        )
        assert (
            "scene.jpg is left out: a folder, not a file; give a file" in result.stderr
        )
        reasons = {one["image"]: one["reason"] for one in json.loads(result.stdout)}
        assert [bool(reason) for reason in reasons.values()] == [
            False,
            True,
            True,
            False,
            False,
        ]
        assert sorted(one.name for one in out.iterdir()) == [
            "a.png",
            "restored.json",
            "z.png",
            long,
        ]


def test_of_a_dataset_each_pair_is_a_room_of_its_own(tmp_path):
    root = tmp_path / "mine"
    for place in ("train", "test"):
        for role in ("blurry", "sharp"):
            (root / place / role).mkdir(parents=True)
            for name in "abcd":
                (root / place / role / f"{name}.png").write_bytes(
                    cv2.imencode(".png", PIXELS)[1].tobytes()
                )
    (root / "train/sharp/a.png").write_bytes(b"no picture")
    (root / "test/blurry/b.png").write_bytes(b"no picture")
    # its blurry one can be restored
    cv2.imwrite(str(root / "test/sharp/c.png"), PIXELS[:9])
    cv2.imwrite(str(root / "test/sharp/d.jpg"), PIXELS)
    settings = RestoreSettings(out=tmp_path / "out", tile=0)
    restorations = restore_pictures(f"pairs:{root}", system(Local), None, CPU, settings)
    assert [Path(one.restored).name for one in restorations] == [
        "test-a.png",
        "",
        "test-c.png",
        "",
    ]
    assert restorations[1].reason.startswith(f"{root}/test/blurry/b.png: not a picture")
    assert (restorations[3].image, "is there too" in restorations[3].reason) == (
        "test-d",
        True,
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_and_a_second_picture_of_one_target_are_a_line(tmp_path, capsys):
    """What cannot be read itself takes no name from another, and other pictures are named."""
    folder = folder_of(tmp_path, "IMG_1.png", "z.png")
    for name in ("IMG_1.avif", "IMG_2.avif"):
        Pillow.fromarray(PIXELS).save(folder / name)
    os.mkfifo(folder / "pipe.png")
    others = {"IMG_2.png": b"", "a.txt": b"notes", "b": b"\xff\xd8", "c.gif": b"GIF89a"}
    for name, content in others.items():
        (folder / name).write_bytes(content)
    (folder / "2024").mkdir()
    restorations = made_in(folder / "out", folder, tile=0)
    said = "2 pictures passed over, as such a suffix is not read: b (JPEG), c.gif (a GIF)\n"
    err = capsys.readouterr().err
    assert f"{folder}: {said}" in err
    assert f"{folder}: folders in it are passed over, give them too: 2024\n" in err
    once = given_pictures([folder], tmp_path)
    assert given_pictures([folder, folder / "z.png"], tmp_path) == once
    assert [bool(one.reason) for one in restorations] == [
        True,
        False,
        False,
        True,
        True,
        False,
    ]
    assert restorations[0].reason == (
        f"{folder}/IMG_1.avif: would become the same file as IMG_1.png; rename it or restore it "
        "into another folder"
    )
    assert (
        restorations[4].reason == f"{folder}/pipe.png: a pipe, not a file; give a file"
    )
    assert {one.stem for one in (folder / "out").glob("*.png")} == {
        "IMG_1",
        "IMG_2",
        "z",
    }
