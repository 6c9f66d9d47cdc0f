"""Bars on stderr: work inside of other work shares one display."""

import errno
import gc
import io
import re
import sys
import threading

import pytest

from defocus import progress
from defocus.progress import describe, say, track
from defocus.terminal import cell_width


@pytest.fixture(autouse=True)
def _work_of_other_tests_has_ended():
    """Work that failed in another test ends when its error is collected."""
    gc.collect()


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(progress, "_on_terminal", lambda: True)
    monkeypatch.setattr(progress, "DRAWN_EVERY_S", 0.0)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.usefixtures("terminal")
def test_bars_inside_of_bars_end_with_their_work(capsys):
    for _ in track(range(2), "outer"):
        for _ in track([5, 6], "北の窓"):
            describe("inner: loss 0.1")
            assert [task.description for task in progress._TASKS] == [
                "outer",
                "inner: loss 0.1",
            ]
        assert [task.description for task in progress._TASKS] == ["outer"]
        say("a message")
    stderr = capsys.readouterr().err
    frames = re.split(r"\r(?:\x1b\[1A\x1b\[J|\x1b\[K)", stderr)
    assert frames[2] == f"outer  {'─' * 14} 0 of 2\n北の窓 {'─' * 14} 0 of 2"
    assert f"inner: loss 0.1 {'━' * 7}{'─' * 7} 1 of 2, 0 s left" in stderr
    assert frames[frames.index("a message\n") + 1].startswith(
        f"outer {'─' * 14} 0 of 2"
    )
    assert frames[-1] == "", "nothing is left of the bars"
    assert progress._TASKS == progress._SHOWN == []
    describe("nothing is shown")


@pytest.mark.usefixtures("terminal")
def test_a_line_never_reaches_the_end_of_the_terminal(capsys):
    for _ in track(range(3), "北の窓と" * 20):
        assert cell_width(progress._SHOWN[0]) == 59
        assert progress._SHOWN[0].startswith("北の窓")
        assert "… ─" in progress._SHOWN[0] or "… ━" in progress._SHOWN[0]
    assert capsys.readouterr().err.endswith("\r\x1b[K")


def test_colours_are_left_out_where_they_are_not_wanted(terminal, monkeypatch):
    def shown() -> str:
        return [progress._SHOWN[0] for _ in track(range(3), "work")][-1]

    assert "\x1b" not in shown()
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[32m━━━━━━━━━\x1b[0m" in shown()
    monkeypatch.setattr(progress.telling, "color", "never")
    assert "\x1b" not in shown()


def test_a_bar_ends_with_an_error():
    def work() -> None:
        for one in track([1, 0], "work"):
            assert 1 / one

    with pytest.raises(ZeroDivisionError):
        work()
    assert progress._TASKS == []


def test_work_tells_a_line_now_and_then_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    assert [x for x in track("abc", "outer") for _ in track("xy", "inner")] == list(
        "aabbcc"
    )
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        "outer: 1 of 3",
        "outer: 2 of 3",
    ]
    assert all(line.endswith(" s left") for line in lines)
    assert list(track(iter("ab"), "unknown")) == ["a", "b"]
    assert capsys.readouterr().err.splitlines() == ["unknown: 1", "unknown: 2"]
    assert list(track("abc", "tells its own", lines=False)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 60.0)
    assert list(track("abc", "short")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_work_that_is_collected_while_bars_are_drawn_ends():
    """Python may collect failed work anywhere, also where the lock of the bars is held."""

    def fails() -> None:
        work = track(range(3), "work")
        next(work)
        with progress._LOCK:
            work.close()

    thread = threading.Thread(target=fails, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert progress._TASKS == []


@pytest.mark.usefixtures("terminal")
def test_work_goes_on_where_the_terminal_was_closed(monkeypatch):
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Closed())
    say("a line that nobody reads")
    assert list(track([1, 2], "working")) == [1, 2]
