"""The default profile: what happens to a picture before it is scored."""

import numpy as np
import pytest

from defocus.benchmark.scoring.protocols import Target
from defocus.benchmark.scoring.score import score_against_input, score_picture
from defocus.errors import DefocusError, InputError


def target(reference: np.ndarray) -> Target:
    return Target(reference, np.ones(reference.shape[:2], dtype=bool))


def test_a_metric_without_value_keeps_its_reason_and_the_others_their_values() -> None:
    scores = score_picture(np.zeros((6, 6, 3)), target(np.full((6, 6, 3), 0.5)))
    assert scores["psnr"].value == pytest.approx(6.0206, abs=1e-4)
    assert scores["psnr"].reason == ""
    assert scores["ssim"].value is None
    assert "7x7" in scores["ssim"].reason
    assert scores["lpips"].value is None
    assert "31 px" in scores["lpips"].reason


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_picture_that_is_not_finite_is_an_error(bad: float) -> None:
    output = np.zeros((8, 8, 3))
    output[3, 3, 1] = bad
    with pytest.raises(DefocusError, match="not finite"):
        score_picture(output, target(np.zeros((8, 8, 3))))


def test_another_size_is_an_error() -> None:
    with pytest.raises(DefocusError, match=r"\(8, 9, 3\), its target \(8, 8, 3\)"):
        score_picture(np.zeros((8, 9, 3)), target(np.zeros((8, 8, 3))))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_no_picture_to_score(dtype: type) -> None:
    floats = np.full((24, 24, 3), 0.5)
    integers = np.full((24, 24, 3), 100, dtype)
    with pytest.raises(InputError, match=r"the reference is uint.*; give floats"):
        score_picture(floats, target(integers))
    with pytest.raises(InputError, match=r"the restored picture is uint.*; give floats"):
        score_picture(integers, target(floats))
    with pytest.raises(InputError, match=r"the blurry picture is uint.*; give floats"):
        score_against_input(floats, integers)
    with pytest.raises(InputError, match="the reference has values from 100 to 100"):
        score_picture(floats, target(integers.astype(np.float64)))
