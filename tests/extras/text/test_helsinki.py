"""The Helsinki Deblur Challenge's score of text."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from defocus.datasets.api import open_dataset
from defocus.errors import InputError
from defocus.extras.text import helsinki
from defocus.extras.text.helsinki import (
    HelsinkiResult,
    StepScore,
    helsinki_score,
    score_steps,
    steps_table,
    write_text_free,
)
from defocus.extras.text.similarity import similarity

TEXT = "hTKA47k9ng\nHNEB38165w\nRLFYdm2704\n"
needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="needs Debian's tesseract-ocr"
)


def page(text: str = TEXT, blur: float = 0.0) -> np.ndarray:
    """A page as the challenge's e-ink: background 220, ink 20."""
    picture = np.full((1000, 1600), 220, np.uint8)
    for number, line in enumerate(text.splitlines()):
        place = (180, 260 + 260 * number)
        cv2.putText(
            picture, line, place, cv2.FONT_HERSHEY_SIMPLEX, 5.5, 20, 14, cv2.LINE_AA
        )
    return cv2.GaussianBlur(picture, (0, 0), blur) if blur else picture


def official_picture(picture: np.ndarray) -> Image.Image:
    """What the official script gives to the reader, written from its description."""
    grey = np.array(Image.fromarray(picture).convert("L"), dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = 255 / np.min(grey[:, :50])
        shifted = np.clip(
            np.nan_to_num((grey - np.min(grey)) * factor, posinf=255), 0, 255
        )
    image = Image.fromarray(np.array(shifted, np.uint8))
    return image.resize((image.width // 2, image.height // 2))


SETTINGS = ["load_system_dawg=false", "load_freq_dawg=false", "textord_old_xheight=0"]
SETTINGS += ["textord_min_xheight=100", "preserve_interword_spaces=0"]


def official(picture: np.ndarray) -> list[str]:
    """The lines that the official script reads, with a file of PIL's."""
    buffer = io.BytesIO()
    official_picture(picture).save(buffer, "PNG")
    words = ["tesseract", "-", "-", "--oem", "1", "--psm", "6"]
    words += [word for one in SETTINGS for word in ("-c", one)]
    result = subprocess.run(
        words, input=buffer.getvalue(), capture_output=True, check=True
    )
    return [line.strip() for line in result.stdout.decode().split("\n") if line.strip()]


def made_up(kind: str) -> np.ndarray:
    """A page that is unlike an even one: grey, or RGB."""
    picture = page(blur=16.0)
    if kind == "dark at the left":
        picture[:, :700] //= 2
    elif kind == "black at the left":
        picture[:200, :30] = 0
    else:
        noise = np.random.default_rng(0).normal(0, 6, picture.shape)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if kind == "tinted":
        picture = (picture[..., None] * np.array([1.0, 0.95, 0.8])).astype(np.uint8)
    return picture


@pytest.mark.parametrize(
    "kind", ["dark at the left", "black at the left", "noisy", "tinted"]
)
def test_the_reader_gets_the_bytes_and_settings_of_the_official_script(
    kind, tmp_path, monkeypatch
):
    """With a program in tesseract's place that keeps what it is given."""
    program = tmp_path / "tesseract"
    arguments = f'printf "%s\\n" "$@" > {tmp_path}/words'
    kept = f'{arguments}; cat > {tmp_path}/picture.png; printf "a\\nb\\nc"'
    program.write_text(f"#!/bin/sh\n{kept}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    picture = made_up(kind)
    Image.fromarray(picture).save(tmp_path / "restored.png")
    assert helsinki_score(helsinki._grey(tmp_path / "restored.png"), TEXT) is not None
    given = np.asarray(Image.open(tmp_path / "picture.png"))
    np.testing.assert_array_equal(given, np.asarray(official_picture(picture)))
    words = (tmp_path / "words").read_text().split()
    assert {words[at + 1] for at, word in enumerate(words) if word == "-c"} == set(
        SETTINGS
    )
    assert words[words.index("--oem") :][:4] == ["--oem", "1", "--psm", "6"]


@pytest.mark.debian
@needs_tesseract
@pytest.mark.parametrize("blur", [0.0, 7.0, 16.0])
def test_scores_are_those_of_the_official_steps(blur):
    picture = page(blur=blur)
    score = helsinki_score(picture, TEXT)
    lines = official(picture)
    if len(lines) != 3:
        assert score is None
    else:
        assert score is not None
        assert abs(score - 100 * similarity(lines[1], TEXT.split()[1])) <= 1
    if blur == 0:
        assert score is not None
        assert score >= 80


@pytest.mark.debian
@needs_tesseract
def test_a_picture_of_two_lines_has_no_score(refused):
    two = page(TEXT[: TEXT.rindex("R")])
    assert helsinki_score(two, TEXT) is None
    with refused(InputError):
        helsinki_score(two, "a\nb\n")


def make_challenge(root: Path, samples: int = 3) -> None:
    """Steps 0 and 1 of the challenge's tree."""
    for step in (0, 1):
        for camera in ("CAM01", "CAM02"):
            for number in range(1, samples + 1):
                name = f"focusStep_{step}_timesR_size_30_sample_{number:04d}"
                folder = root / f"step{step}" / "Times" / camera
                folder.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(
                    str(folder / f"{name}.tif"), np.full((40, 60), 200, np.uint16)
                )
                if camera == "CAM01":
                    (folder / f"{name}.txt").write_text(TEXT)


def test_steps_are_scored_in_order(tmp_path, monkeypatch):
    """With a reader whose answers are known."""
    make_challenge(tmp_path / "hdc", 20)
    dataset = open_dataset(f"hdc2021:{tmp_path / 'hdc'}")
    pairs = dataset.split("test")
    assert len(pairs) >= 4
    (tmp_path / "restored").mkdir()
    for pair in pairs[1:]:
        shade = 200 if pair.id.startswith("step00") else 100
        cv2.imwrite(
            str(tmp_path / "restored" / f"{pair.id}.png"),
            np.full((40, 60), shade, np.uint8),
        )
    truth = TEXT.split()

    def read(picture: np.ndarray, settings: object) -> list[str]:
        return truth

    monkeypatch.setattr(helsinki, "read_text", read)
    result = score_steps(tmp_path / "restored", dataset, tmp_path / "restored")
    assert result.missing == 1
    by_step = {one.step: one for one in result.steps}
    many = by_step[0].pictures
    assert by_step[0].mean == pytest.approx(100 * (many - 1) / many)
    assert by_step[1].mean == 100
    # thirty characters in pictures that are said to have none
    assert result.sane is False
    table = steps_table(result)
    assert [row[0] for row in table.rows] == ["0", "1"]
    assert "writes text where there is none" in table.note
    (tmp_path / "restored" / f"{pairs[1].id}.png").write_bytes(b"cut")
    lacking = score_steps(tmp_path / "restored", dataset)
    assert [one.id for one in lacking.left_out] == [pairs[1].id]
    assert lacking.to_json()["left_out"][0]["reason"]
    assert {one.step: one for one in lacking.steps}[0].pictures == many - 1


def test_a_step_after_a_failed_one_does_not_count():
    good, bad = StepScore(0, 2, 0, 90.0, 90.0), StepScore(1, 2, 1, 45.0, 90.0)
    late = StepScore(2, 2, 0, 95.0, 95.0)
    assert HelsinkiResult((good, bad, late), 0, None, "5").last_passed == 0
    assert HelsinkiResult((good,), 0, 3.0, "5").sane is True
    assert HelsinkiResult((bad,), 0, None, "5").last_passed is None
    assert HelsinkiResult((late,), 0, None, "5").last_passed is None
    assert bad.mean < 70 <= (bad.mean_read or 0)


def test_pictures_without_text_are_written(tmp_path):
    write_text_free(tmp_path / "free")
    pictures = [cv2.imread(str(path)) for path in sorted((tmp_path / "free").iterdir())]
    assert len(pictures) == 6
    assert {picture.shape for picture in pictures} == {(730, 1180, 3)}
    assert all(picture.std() > 5 for picture in pictures)
