"""Bars on stderr: work inside of other work shares one display."""

import gc
import threading

import pytest

from defocus import progress
from defocus.progress import describe, track


@pytest.fixture(autouse=True)
def _work_of_other_tests_has_ended() -> None:
    """Work that failed in another test ends when its error is collected."""
    gc.collect()


def test_bars_inside_of_bars_end_with_their_work() -> None:
    seen = []
    for outer in track(range(2), "outer"):
        (bars,) = progress._BARS
        for inner in track([5, 6], "inner"):
            describe("inner: loss 0.1")
            assert [task.description for task in bars.tasks] == ["outer", "inner: loss 0.1"]
            seen.append((outer, inner))
        assert [task.description for task in bars.tasks] == ["outer"]
    assert seen == [(0, 5), (0, 6), (1, 5), (1, 6)]
    assert progress._BARS == progress._TASKS == []
    describe("nothing is shown")


def test_a_bar_ends_with_an_error() -> None:
    def work() -> None:
        for one in track([1, 0], "work"):
            assert 1 / one

    with pytest.raises(ZeroDivisionError):
        work()
    assert progress._BARS == progress._TASKS == []


def test_work_tells_a_line_now_and_then_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    assert [x for x in track("abc", "outer") for _ in track("xy", "inner")] == list("aabbcc")
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["outer: 1 of 3", "outer: 2 of 3"]
    assert all(line.endswith(" s left") for line in lines)
    assert list(track(iter("ab"), "unknown")) == ["a", "b"]
    assert capsys.readouterr().err.splitlines() == ["unknown: 1", "unknown: 2"]
    assert list(track("abc", "tells its own", lines=False)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 60.0)
    assert list(track("abc", "short")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_work_that_is_collected_inside_of_a_call_of_the_bars_ends() -> None:
    """Python may collect failed work anywhere, also where the bars' lock is held."""

    def fails() -> None:
        work = track(range(3), "work")
        next(work)
        with progress._BARS[0]._lock:
            work.close()

    thread = threading.Thread(target=fails, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert progress._BARS == progress._TASKS == []
