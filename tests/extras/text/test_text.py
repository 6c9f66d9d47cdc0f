"""How alike texts are, and the metric of legible text."""

import shutil

import cv2
import numpy as np
import pytest

from defocus.benchmark.metrics.metric import (
    MetricUnavailableError,
    find_metric,
    profile_metrics,
)
from defocus.extras.text.similarity import similarity


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ("abcd", "abcd", 1.0),
        ("abcd", "wxyz", 0.0),
        ("", "abcd", 0.0),
        ("", "", 0.0),
        ("abcd", "abxd", 0.75),
        ("abc", "abcd", 6 / 7),
        ("ba", "ab", 0.5),
    ],
)
def test_similarity_counts_insertions_and_deletions(first, second, share):
    assert similarity(first, second) == pytest.approx(share)
    assert similarity(second, first) == pytest.approx(share)


def written(*lines: str) -> np.ndarray:
    picture = np.full((70 * len(lines) + 40, 420, 3), 225, np.uint8)
    for number, line in enumerate(lines):
        place = (30, 70 * (number + 1))
        cv2.putText(
            picture,
            line,
            place,
            cv2.FONT_HERSHEY_SIMPLEX,
            1.5,
            (20,) * 3,
            3,
            cv2.LINE_AA,
        )
    return picture / 255


def test_the_metric_is_computed_on_request_and_says_what_is_missing(
    tmp_path, monkeypatch, refused
):
    metric = find_metric("text")
    assert "text" not in profile_metrics("defocus-v1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not metric.ready()
    sharp = written("RTKA 4729")
    with refused(MetricUnavailableError):
        metric.score(sharp, sharp, np.ones(sharp.shape[:2], np.bool_))


@pytest.mark.debian
@pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="needs Debian's tesseract-ocr"
)
def test_the_metric_falls_with_blur_and_with_other_text(refused):
    metric = find_metric("text")
    sharp, other = written("RTKA 4729", "HNEB 3816"), written("VWYL 1550", "SCUO 6088")
    everywhere = np.ones(sharp.shape[:2], np.bool_)
    blurry = cv2.GaussianBlur(sharp, (0, 0), 9.0)
    assert metric.score(sharp, sharp, everywhere) == 100
    assert metric.score(blurry, sharp, everywhere) < 60
    assert metric.score(other, sharp, everywhere) < 50
    upper = everywhere.copy()
    upper[80:] = False
    mixed = np.concatenate([sharp[:80], other[80:]])
    assert metric.score(mixed, sharp, upper) == 100
    blank = np.full_like(sharp, 0.5)
    with refused(MetricUnavailableError):
        metric.score(sharp, blank, everywhere)
