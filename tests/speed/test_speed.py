import os
from functools import partial

import numpy as np
import pytest

from tests.speed.measuring import MeasuredWay, Way, compared, table


@pytest.mark.full
def test_each_way_is_measured_by_itself() -> None:
    before = dict(os.environ)
    small = Way("small", partial(partial, np.ones, 10))
    large = Way("large", partial(partial, np.ones, 8_000_000))
    results = compared([large, small], repeats=1)
    assert [result.name for result in results] == ["large", "small"]
    assert results[0].cpu_seconds > results[1].cpu_seconds >= 0
    if results[0].peak_mib is None or results[1].peak_mib is None:
        pytest.skip("this system does not tell the peak of the memory")
    assert results[0].peak_mib == pytest.approx(8 * 8e6 / 2**20, abs=4)
    assert results[1].peak_mib < 4
    assert dict(os.environ) == before


@pytest.mark.full
def test_a_failing_way_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        compared([Way("none", partial(partial, divmod, 1, 0))], repeats=1)


def test_table() -> None:
    lines = table([MeasuredWay("old", 2.0, 100.4), MeasuredWay("new", 0.5, None)]).splitlines()
    assert lines[2] == "| old | 2.000 | 1.00 | 100 |"
    assert lines[3] == "| new | 0.500 | 4.00 | unknown |"
