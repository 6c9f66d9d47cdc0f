"""Makers' words as libgphoto2's ptp2 driver has them, and which files a shot made."""

import os

import pytest

from defocus.capture.camera import FileKind, Word
from defocus.capture.cameras import gphoto2
from defocus.capture.links.back_ends import open_camera
from defocus.capture.links.gphoto2.child import lines_of
from defocus.capture.links.gphoto2.release import (
    CameraEvent,
    FilesOfShot,
    MissingFileError,
    files_of_shot,
    in_memory,
)
from defocus.capture.links.gphoto2.setting_names import (
    file_kind_of,
    format_choice,
    mirror_changes,
    unwanted_automatics,
    white_balance_changes,
)
from defocus.errors import CameraNotFoundError, InputError

CANON = (
    "Large Fine JPEG", "Large Normal JPEG", "Medium Fine JPEG", "Small Normal JPEG",
    "RAW + Large Fine JPEG", "mRAW + Large Fine JPEG", "cRAW + Large Fine JPEG", "RAW", "mRAW",
    "sRAW", "cRAW",
)  # fmt: skip

CANON_SHORT = ("L", "cL", "M", "S1", "RAW + L", "RAW", "cRAW")

NIKON = (
    "JPEG Basic", "JPEG Normal", "JPEG Fine", "TIFF (RGB)", "NEF (Raw)", "NEF+Basic",
    "NEF+Normal", "NEF+Fine",
)  # fmt: skip

SONY = ("Standard", "Fine", "Extra Fine", "RAW", "RAW+JPEG")
FUJI = ("RAW", "JPEG Fine", "JPEG Normal", "RAW + JPEG Fine", "RAW + JPEG Normal")


@pytest.mark.parametrize(
    ("choices", "raw", "both", "jpeg"),
    [
        (CANON, "RAW", "RAW + Large Fine JPEG", "Large Fine JPEG"),
        (CANON_SHORT, "RAW", "RAW + L", "L"),
        (NIKON, "NEF (Raw)", "NEF+Fine", "JPEG Fine"),
        (SONY, "RAW", "RAW+JPEG", "Extra Fine"),
        (FUJI, "RAW", "RAW + JPEG Fine", "JPEG Fine"),
        (("JPEG Normal",), None, None, "JPEG Normal"),
    ],
)
def test_formats(choices, raw, both, jpeg):
    wanted: dict[FileKind, str | None] = {"raw": raw, "raw+jpeg": both, "jpeg": jpeg}
    assert {kind: format_choice(choices, kind) for kind in wanted} == wanted
    backwards = choices[::-1]
    for kind, choice in wanted.items():
        format_value = format_choice(backwards, kind)
        assert (format_value is None) == (choice is None)
        assert format_value is None or file_kind_of(format_value) == kind


def switch(value: str, *choices: str, read_only: bool = False) -> Word:
    return Word(value, choices or ("On", "Off"), read_only=read_only)


WHITE = Word("Auto", ("Auto", "Daylight", "Cloudy", "Color Temperature", "Flash"))


def test_a_white_balance_by_kelvin_or_preset():
    words = listed("5000", "5200", "5500")
    kelvin = {"whitebalance": "Color Temperature", "colortemperature": "5200"}
    assert white_balance_changes(words, "5200K") == kelvin
    assert white_balance_changes(words, "5250") == kelvin, "the nearest within 5 %"
    assert white_balance_changes(words, "daylight") == {"whitebalance": "Daylight"}
    assert white_balance_changes(listed(span=(2500.0, 9900.0)), "5200K") == kelvin


CANONS_AUTOMATICS = {
    "continuousaf": switch("On", "Off", "On"),
    "focusmode": switch("One Shot", "One Shot", "AI Servo", "Manual", read_only=True),
    "autopoweroff": switch("60", "0", "60", "300"),
    "aeb": switch("+/- 1", "off", "+/- 1"),
    "drivemode": switch("Continuous", "Single", "Continuous", "Timer 2 sec"),
    "capturetarget": switch("Internal RAM", "Internal RAM", "Memory card"),
    "aperture": switch("4", "4", "22"),
}
NIKONS_AUTOMATICS = {
    "autoiso": switch("On"),
    "isoauto": switch("Off"),
    "autofocus": switch("On"),
    "longexpnr": switch("On"),
    "capturemode": switch("Burst", "Single Shot", "Burst", "Timer"),
    "focusmode2": switch("AF-S", "AF-S", "AF-C"),
}


def test_automatics_are_switched_off():
    assert unwanted_automatics(CANONS_AUTOMATICS) == {
        "continuousaf": "Off", "autopoweroff": "0", "aeb": "off", "drivemode": "Single",
        "capturetarget": "Memory card",
    }  # fmt: skip
    assert unwanted_automatics(NIKONS_AUTOMATICS) == {
        "autoiso": "Off", "autofocus": "Off", "longexpnr": "Off", "capturemode": "Single Shot",
    }  # fmt: skip
    assert (
        unwanted_automatics({"focusmode": switch("Manual", "Manual", "Automatic")})
        == {}
    )


def listed(*choices: str, span: tuple[float, float] | None = None) -> dict[str, Word]:
    """White balances by name and colour temperature."""
    return {"whitebalance": WHITE, "colortemperature": Word("5200", choices, span=span)}


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ({}, "5200K"),
        ({"whitebalance": WHITE}, "auto"),
        ({"whitebalance": WHITE}, "Tungsten"),
        ({"whitebalance": WHITE}, ""),
        ({"whitebalance": WHITE}, "5200K"),
        (listed("5000", "5200"), "9000K"),
        (listed(span=(2500.0, 9900.0)), "99000K"),
    ],
)
def test_a_white_balance_that_cannot_be(words, asked, refused):
    with refused(InputError):
        white_balance_changes(words, asked)


def test_the_mirror_is_at_rest_when_the_shutter_opens(refused):
    nikon, view = switch("Off", "Off", "1 sec", "2 sec", "3 sec"), switch("0", "0", "1")
    for words, changes in (
        (
            {"exposuredelaymode": nikon, "viewfinder": view},
            {"exposuredelaymode": "3 sec"},
        ),
        ({"exposuredelaymode": switch("Off")}, {"exposuredelaymode": "On"}),
        ({"mirrorlock": switch("0"), "viewfinder": view}, {"viewfinder": "1"}),
    ):
        assert mirror_changes(words) == changes
    with refused(InputError):
        mirror_changes({"mirrorlock": switch("0", "0", "1")})


RAW, JPEG = ("/card", "IMG_0007.CR2"), ("/card", "IMG_0007.JPG")
OLD, FINGER = ("/card", "IMG_0006.JPG"), ("/card", "IMG_0008.CR2")


class Body:
    """Says things at given times, and lets time pass while it is listened to."""

    def __init__(self, *said: tuple[float, CameraEvent]) -> None:
        self.now, self.said = 0.0, list(said)

    def listen(self, seconds: float) -> CameraEvent:
        if self.said and self.said[0][0] <= self.now + seconds:
            at, event = self.said.pop(0)
            self.now = max(self.now, at)
            return event
        self.now += seconds
        return CameraEvent("nothing")

    def shot(self, due: int | None, *, all_or_none: bool = True) -> FilesOfShot:
        return files_of_shot(
            RAW, self.listen, due=due, quiet_seconds=1.5, earlier={OLD}, all_or_none=all_or_none,
            clock=lambda: self.now,
        )  # fmt: skip


def chatter(until: float, start: float = 0.0) -> list[tuple[float, CameraEvent]]:
    """Changed settings ten times a second."""
    return [
        (start + step / 10, CameraEvent("other")) for step in range(round(until * 10))
    ]


COMPLETE, COMPANION = CameraEvent("complete"), CameraEvent("file", JPEG)
QUIET = [*chatter(1.4), (1.4, COMPANION), (1.41, COMPANION), *chatter(9.0, start=1.5)]


def test_what_is_in_memory_only():
    places = [
        ("/", "capt0000.cr2"),
        ("/", "capt_DSC01234.ARW"),
        ("/store_0001/DCIM", "IMG_1.CR2"),
    ]
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
def test_files_of_a_shot(said, due, files, seconds):
    body = Body(*said)
    assert body.shot(due).files == files
    assert body.now == pytest.approx(seconds, abs=0.11)


def test_files_of_other_shots_are_kept_apart():
    others = [OLD, FINGER, ("/", "capt0003.jpg")]
    shot = Body(
        *(
            (n / 10, CameraEvent("file", one))
            for n, one in enumerate([*others, JPEG], 1)
        )
    ).shot(2)
    assert (shot.files, shot.strays) == ([RAW, JPEG], others)


def test_a_companion_that_never_comes_is_an_error_unless_nobody_promised_it(refused):
    for said, promised in ((chatter(60.0), True), ([], False)):
        body = Body(*said)
        if promised:
            with refused(MissingFileError):
                body.shot(due=2)
        else:
            assert body.shot(due=2, all_or_none=False).files == [RAW]
        assert body.now == pytest.approx(15.0, abs=0.11)


@pytest.mark.parametrize(
    "bodies",
    [
        [],
        [{"model": "A", "port": "usb:001,004"}, {"model": "B", "port": "usb:001,005"}],
    ],
)
def test_no_camera_and_two_of_them(bodies, monkeypatch, refused):
    monkeypatch.setattr(gphoto2, "detect", lambda _environment: bodies)
    with refused(CameraNotFoundError) as caught:
        open_camera("gphoto2:")
    assert caught.value.exit_code == 3


def test_an_idle_camera_is_asked_for_something():
    reading, writing = os.pipe()
    calls: list[int] = []

    def idle() -> None:
        calls.append(1)
        if len(calls) == 2:
            os.write(writing, b'"first"\n"sec')
        if len(calls) == 3:
            os.write(writing, b'ond"\n')
            os.close(writing)

    assert list(lines_of(reading, 0.01, idle)) == [b'"first"', b'"second"']
    assert len(calls) == 3
    os.close(reading)
