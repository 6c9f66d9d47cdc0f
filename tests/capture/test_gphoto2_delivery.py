"""Which files a shot made, by what a camera says after it; the clock is the test's."""

import pytest

from defocus.capture.camera import CardFile
from defocus.capture.links.gphoto2.body.delivery import (
    FilesOfShot,
    MissingFileError,
    Told,
    files_of_shot,
    in_memory,
)

RAW, JPEG = ("/card", "IMG_0007.CR2"), ("/card", "IMG_0007.JPG")
OLD, FINGER = ("/card", "IMG_0006.JPG"), ("/card", "IMG_0008.CR2")


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
        return self.shot(due, quiet).files

    def shot(self, due: int | None, quiet: float = 1.5, *, all_or_none: bool = True) -> FilesOfShot:
        return files_of_shot(
            RAW,
            self.listen,
            due=due,
            quiet_seconds=quiet,
            known={OLD},
            all_or_none=all_or_none,
            clock=lambda: self.now,
        )


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
    assert body.now == pytest.approx(0.1 + 0.25)


def test_a_file_may_follow_the_cameras_word_that_all_is_done() -> None:
    """Nikon bodies say it before the second file, of the shot before that."""
    body = Body((0.1, Told("complete")), (0.3, Told("file", JPEG)))
    assert body.files(due=None) == [RAW, JPEG]


def test_files_of_other_shots_are_kept_apart() -> None:
    body = Body(
        (0.1, Told("file", OLD)),
        (0.2, Told("file", FINGER)),
        (0.3, Told("file", ("/", "capt0003.jpg"))),
        (0.4, Told("file", JPEG)),
    )
    shot = body.shot(due=2)
    assert shot.files == [RAW, JPEG]
    assert shot.strays == [OLD, FINGER, ("/", "capt0003.jpg")]


def test_a_companion_that_nobody_promised_may_stay_away() -> None:
    body = Body()
    assert body.shot(due=2, all_or_none=False).files == [RAW]
    assert body.now == pytest.approx(15.0)


def test_what_is_in_memory_only() -> None:
    assert in_memory(("/", "capt0000.cr2"))
    assert in_memory(("/", "capt_DSC01234.ARW"))
    assert not in_memory(("/store_00010001/DCIM/100CANON", "IMG_0001.CR2"))


def test_one_file_that_is_due_costs_no_long_wait() -> None:
    body = Body()
    assert body.files(due=1) == [RAW]
    assert body.now == pytest.approx(0.25)


def test_a_companion_that_never_comes_is_an_error() -> None:
    body = Body(*chatter(60.0))
    with pytest.raises(MissingFileError, match="1 of 2 files came in 15 s"):
        body.files(due=2)
    assert body.now == pytest.approx(15.0, abs=0.11)
