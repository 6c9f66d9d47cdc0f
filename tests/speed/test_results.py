"""The peers that speed is measured against have the results of our code."""

import pytest

from tests.speed.case import all_cases

pytestmark = pytest.mark.full


@pytest.mark.parametrize(
    "case",
    [case for case in all_cases() if case.difference],
    ids=lambda case: case.name,
)
def test_both_have_the_same_result(case):
    assert case.difference() <= case.tolerance
