"""The peer that Restormer is measured against gives what Restormer gives."""

from tests.speed.cases.inference import difference


def test_the_naive_twin_has_the_same_result() -> None:
    assert difference(32) < 1e-5
