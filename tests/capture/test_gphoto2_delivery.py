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

    def shot(self, due: int | None, *, all_or_none: bool = True) -> FilesOfShot:
        return files_of_shot(
            RAW, self.listen, due=due, quiet_seconds=1.5, known={OLD}, all_or_none=all_or_none,
            clock=lambda: self.now,
        )  # fmt: skip


def chatter(until: float, start: float = 0.0) -> list[tuple[float, Told]]:
    """Changed settings ten times a second."""
    return [(start + step / 10, Told("other")) for step in range(round(until * 10))]


COMPLETE, COMPANION = Told("complete"), Told("file", JPEG)
QUIET = [*chatter(1.4), (1.4, COMPANION), (1.41, COMPANION), *chatter(9.0, start=1.5)]


def test_what_is_in_memory_only() -> None:
    places = [("/", "capt0000.cr2"), ("/", "capt_DSC01234.ARW"), ("/store_0001/DCIM", "IMG_1.CR2")]
    assert [in_memory(place) for place in places] == [True, True, False]


@pytest.mark.parametrize(
    ("said", "due", "files", "seconds"),
    [
        ([*chatter(6.0), (6.0, COMPLETE), (6.5, COMPANION)], 2, [RAW, JPEG], 6.75),
        (QUIET, None, [RAW, JPEG], 2.9),
        ([(0.1, COMPLETE)], None, [RAW], 0.35),
        ([(0.1, COMPLETE), (0.3, COMPANION)], None, [RAW, JPEG], 0.55),
        ([], 1, [RAW], 0.25),
    ],
    ids=[
        "a companion that is due is waited for",
        "quiet is counted from the last file and not from the last word",
        "the camera's word that all is done ends the wait",
        "a file may follow it, as with Nikon bodies",
        "one file that is due costs no long wait",
    ],
)
def test_files_of_a_shot(
    said: list[tuple[float, Told]], due: int | None, files: list[CardFile], seconds: float
) -> None:
    body = Body(*said)
    assert body.shot(due).files == files
    assert body.now == pytest.approx(seconds, abs=0.11)


def test_files_of_other_shots_are_kept_apart() -> None:
    others = [OLD, FINGER, ("/", "capt0003.jpg")]
    shot = Body(*((n / 10, Told("file", one)) for n, one in enumerate([*others, JPEG], 1))).shot(2)
    assert (shot.files, shot.strays) == ([RAW, JPEG], others)


def test_a_companion_that_never_comes_is_an_error_unless_nobody_promised_it() -> None:
    for said, promised in ((chatter(60.0), True), ([], False)):
        body = Body(*said)
        if promised:
            with pytest.raises(MissingFileError, match="1 of 2 files came in 15 s"):
                body.shot(due=2)
        else:
            assert body.shot(due=2, all_or_none=False).files == [RAW]
        assert body.now == pytest.approx(15.0, abs=0.11)
