"""Which files a shot made, by what a camera says after it; the clock is the test's."""

import pytest

from defocus.capture.camera import CardFile
from defocus.capture.links.gphoto2.delivery import MissingFileError, Told, files_of_shot

RAW, JPEG = ("/card", "a.cr2"), ("/card", "a.jpg")


class Body:
    """Says things at given times, and lets time pass while it is listened to."""

    def __init__(self, *said: tuple[float, Told]) -> None:
        self.now, self.said = 0.0, list(said)

    def listen(self, seconds: float) -> Told:
        if self.said and self.said[0][0] <= self.now + seconds:
            at, told = self.said.pop(0)
            self.now = max(self.now, at)
            return told
        self.now += seconds
        return Told("nothing")

    def files(self, due: int | None, quiet: float = 1.5) -> list[CardFile]:
        return files_of_shot(RAW, self.listen, due=due, quiet_seconds=quiet, clock=lambda: self.now)


def chatter(until: float) -> list[tuple[float, Told]]:
    """Changed settings ten times a second."""
    return [(step / 10, Told("other")) for step in range(round(until * 10))]


def test_a_companion_that_is_due_is_waited_for() -> None:
    body = Body(*chatter(6.0), (6.0, Told("complete")), (6.5, Told("file", JPEG)))
    assert body.files(due=2) == [RAW, JPEG]
    assert body.now == pytest.approx(6.75)


def test_quiet_is_counted_from_the_last_file_and_not_from_the_last_word() -> None:
    body = Body(*chatter(1.4), (1.4, Told("file", JPEG)), (1.41, Told("file", JPEG)))
    body.said += [(1.5 + at, told) for at, told in chatter(9.0)]
    assert body.files(due=None) == [RAW, JPEG]
    assert body.now == pytest.approx(2.9, abs=0.11)


def test_the_cameras_word_that_all_is_done_ends_the_wait() -> None:
    body = Body((0.1, Told("complete")))
    assert body.files(due=None) == [RAW]
    assert body.now == pytest.approx(0.1)


def test_one_file_that_is_due_costs_no_long_wait() -> None:
    body = Body()
    assert body.files(due=1) == [RAW]
    assert body.now == pytest.approx(0.25)


def test_a_companion_that_never_comes_is_an_error() -> None:
    body = Body(*chatter(60.0))
    with pytest.raises(MissingFileError, match="1 of 2 files came in 15 s"):
        body.files(due=2)
    assert body.now == pytest.approx(15.0, abs=0.11)
