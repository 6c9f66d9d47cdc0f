"""Work on many items, wherever it is done: each has its result, or the reason why it has none."""

import time

import pytest

from defocus.dispatcher import each
from defocus.errors import WeightsError
from defocus.isolation import LeftOut

WAITS = {"first": 0.2, "second": 0.0, "third": 0.0}


def waited(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def reciprocal(number: int) -> float:
    return 1 / number


def refuse(_item: int) -> None:
    raise WeightsError("no such weights")


def test_an_item_that_fails_is_named_and_the_others_go_on():
    results = dict(each(reciprocal, {"two": 2, "none": 0, "four": 4}, 1))
    failed = results.pop("none")
    assert isinstance(failed, LeftOut)
    assert failed.id == "none"
    assert "division by zero" in failed.reason
    assert results == {"two": 0.5, "four": 0.25}


def test_an_error_of_the_request_stops_everything(refused):
    with refused(WeightsError):
        list(each(refuse, {"one": 1, "two": 2}, 1))


@pytest.mark.full
def test_results_that_come_in_any_order_have_their_names():
    assert dict(each(waited, WAITS, 2)) == WAITS
