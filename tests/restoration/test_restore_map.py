"""The map of blur that ``restore`` writes: checked first, made again where it is missing."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
import torch

from defocus.baselines.registry import baseline
from defocus.errors import InputError, StorageError
from defocus.restoration import run as module
from defocus.restoration.run import Restored, Wishes, restore_pictures

CPU = torch.device("cpu")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    drawn = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), drawn)
    return tmp_path / "a.png"


def restored(picture: Path, map_file: Path | None) -> Restored:
    out, wishes = picture.parent / "out", Wishes(map=map_file)
    (found,) = restore_pictures([picture], baseline("input"), None, out, None, CPU, wishes)
    return found


def test_a_map_is_made_of_what_was_restored_before(picture: Path) -> None:
    assert restored(picture, None).map == ""
    target, wanted = picture.parent / "out" / "a.png", picture.parent / "maps" / "blur.tif"
    before = target.stat().st_mtime_ns
    assert restored(picture, wanted).map == str(wanted)
    first = tifffile.imread(wanted)
    assert first.shape == (40, 56)
    for path in (wanted, wanted.with_suffix(".png")):
        path.unlink()
        assert restored(picture, wanted).reason == ""
        assert path.is_file()
    np.testing.assert_array_equal(tifffile.imread(wanted), first)
    assert target.stat().st_mtime_ns == before
    assert restored(picture, None).map == ""


def test_another_file_of_the_name_of_a_map_stays(picture: Path) -> None:
    restored(picture, None)
    wanted = picture.parent / "blur.png"
    wanted.write_bytes(b"mine")
    with pytest.raises(
        InputError,
        match=r"blur\.png: exists already; choose another name .* blur\.png and blur\.tif",
    ):
        restored(picture, wanted)
    assert wanted.read_bytes() == b"mine"


def test_a_map_that_cannot_be_written_is_refused_before_anything_is_computed(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(module, "_restored", never)
    with pytest.raises(InputError, match=r"a map is written as \.png and \.tif"):
        restored(picture, picture.parent / "blur.jpg")
    with pytest.raises(InputError, match=r"out/a\.png: the restored picture goes there"):
        restored(picture, picture.parent / "out" / "a.tif")
    with pytest.raises(InputError, match="a map is of one picture; 2 are given"):
        restore_pictures(
            [picture, picture.with_name("b.png")], baseline("input"), None, picture.parent / "out",
            None, CPU, Wishes(map=picture.with_name("blur.png")),
        )  # fmt: skip
    with pytest.raises(StorageError, match=r"a\.png"):
        restored(picture, picture / "blur.png")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(picture: Path) -> None:
    closed = picture.parent / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(StorageError, match="closed"):
        restored(picture, closed / "blur.png")
    assert not (picture.parent / "out").exists()
