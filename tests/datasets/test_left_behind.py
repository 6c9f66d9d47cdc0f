"""Pictures made anew say once what they leave behind of their files."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from defocus.blocks.derived import left_behind
from tests.conftest import Run


def with_tags(path: Path, pixels: np.ndarray, *, comment: bytes = b"") -> Path:
    exif = Pillow.Exif()
    exif[271] = "Maker"
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(pixels).save(path, exif=exif, quality=95, comment=comment)
    return path


def test_what_files_hold_is_counted(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    files = [
        with_tags(tmp_path / f"{number}.jpg", pixels, comment=b"c" * number) for number in (0, 1)
    ]
    (tmp_path / "empty.jpg").touch()
    told = left_behind([*files, tmp_path / "empty.jpg", tmp_path / "a.nef"])
    assert told.endswith(
        "nothing else of their files, which is about the shots: EXIF (2 of 4), comment (1 of 4)"
    )
    assert left_behind([tmp_path / "empty.jpg"]) == ""


def test_an_aligned_pair_and_a_dataset_say_it_once(tmp_path: Path, run: Run) -> None:
    noise = np.random.default_rng(0).normal(0.5, 0.25, (128, 160, 3))
    sharp = cv2.GaussianBlur(noise, (0, 0), 1.0)
    sharp = (255 * (sharp - sharp.min()) / np.ptp(sharp)).astype(np.uint8)
    blurry = cv2.GaussianBlur(sharp, (0, 0), 1.5)
    members = [
        with_tags(tmp_path / "set" / role / "a.jpg", picture)
        for role, picture in (("blurry", blurry), ("sharp", sharp))
    ]
    kept = "the new pictures keep the colour profile and nothing else of their files"
    line = f"{kept}, which is about the shots: EXIF (2 of 2)"
    aligned = run("defocus-data", "align", *members, "--out", tmp_path / "out")
    made = run("defocus-data", "compensate", f"pairs:{tmp_path / 'set'}", "--out", tmp_path / "new")
    for done in (aligned, made):
        assert done.returncode == 0, done.stderr
        assert done.stderr.count(line) == 1
