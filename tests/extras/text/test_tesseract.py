"""Reading text with the program tesseract."""

import shutil
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest

from defocus.errors import DefocusError, NotApplicableError
from defocus.extras.text.character_readers.tesseract import read_text, tesseract_version


def page(*lines: str) -> np.ndarray:
    picture = np.full((70 * len(lines) + 40, 420), 225, np.uint8)
    for number, line in enumerate(lines):
        place = (30, 70 * (number + 1))
        cv2.putText(
            picture, line, place, cv2.FONT_HERSHEY_SIMPLEX, 1.5, 20, 3, cv2.LINE_AA
        )
    return picture


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_without_it_the_remedy_is_named(tmp_path, monkeypatch, refused):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tesseract_version() == ""
    with refused(NotApplicableError):
        read_text(page("ABC"))


@pytest.mark.full
def test_missing_data_is_no_failure(tmp_path, monkeypatch, refused):
    fake(
        tmp_path,
        monkeypatch,
        'echo "Error opening data file eng.traineddata" >&2; exit 1',
    )
    with refused(NotApplicableError):
        read_text(page("ABC"))
    fake(tmp_path, monkeypatch, 'echo "Image too small" >&2; exit 1')
    with refused(DefocusError):
        read_text(page("ABC"))


@pytest.mark.full
def test_settings_are_given_and_lines_read(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, 'echo "  $*  "; echo; echo second')
    first, second = read_text(page("ABC"), {"load_freq_dawg": "false"})
    assert first.endswith("-l eng --oem 1 --psm 6 -c load_freq_dawg=false")
    assert second == "second"


@pytest.mark.full
@pytest.mark.debian
@pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="needs Debian's tesseract-ocr"
)
def test_printed_lines_are_read():
    assert tesseract_version()[0].isdigit()
    assert read_text(page("RTKA 4729", "HNEB 3816")) == ["RTKA 4729", "HNEB 3816"]
    assert read_text(np.full((100, 200), 200, np.uint8)) == []
