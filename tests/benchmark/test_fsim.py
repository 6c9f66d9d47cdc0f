"""FSIM as a metric."""

import numpy as np
import pytest

from defocus.benchmark.metrics.fsim import (
    METRIC,
    kept_phase_congruency,
    phase_congruency,
)
from defocus.benchmark.metrics.metric import MetricUnavailableError


def test_equal_pictures_are_one_and_what_the_mask_hides_does_not_count():
    random = np.random.default_rng(0)
    reference = random.random((48, 60, 3))
    mask = np.ones((48, 60), dtype=bool)
    assert METRIC.score(reference, reference, mask) == pytest.approx(1, abs=1e-12)
    mask[:, 30:] = False
    noise = random.random(reference.shape)
    restored = np.where(mask[:, :, None], 0.7 * reference + 0.3 * noise, reference)
    hidden = np.where(mask[:, :, None], restored, noise)
    assert (
        METRIC.score(hidden, reference, mask)
        == METRIC.score(restored, reference, mask)
        < 1
    )


def test_pictures_without_structure_have_a_reason(refused):
    grey = np.full((32, 32, 3), 0.5)
    with refused(MetricUnavailableError):
        METRIC.score(grey, grey, np.ones((32, 32), dtype=bool))


def test_a_reference_that_is_asked_for_again_is_remembered_to_the_bit():
    brightness = 255 * np.random.default_rng(2).random((40, 56))
    first = kept_phase_congruency(brightness)
    assert kept_phase_congruency(brightness.copy()) is first
    np.testing.assert_array_equal(first, phase_congruency(brightness))
    brightness[3, 5] += 1e-9
    assert kept_phase_congruency(brightness) is not first
