"""Checks of this computer and of a camera before a shoot; the user is asked what no program sees.

The camera is checked by the values that it reports."""

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from defocus.capture.camera import (
    Camera,
    CameraDescription,
    CardSpace,
    HasCardSpace,
    Word,
)
from defocus.capture.links.camera_words import CLOCK_SKEW, words_of
from defocus.capture.links.gphoto2.errors import usb_holders
from defocus.capture.links.gphoto2.setting_names import (
    DRIVE_WORDS,
    automatic_settings,
    program_of,
    refuse_burst,
)
from defocus.errors import InputError

Status = Literal["ok", "warn", "fail", "ask"]

LIBRARIES = ("numpy", "opencv-python-headless", "rawpy", "pillow", "gphoto2")
LITTLE_DISK_BYTES = 20_000_000_000
NO_DISK_BYTES = 1_000_000_000
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""Date before which a camera's clock must have lost its time: this package did not exist yet."""


@dataclass(frozen=True)
class CheckedPoint:
    """One point of the checklist; status ``ask`` if no program can say."""

    name: str
    status: Status
    detail: str
    advice: str = ""  # what to do; empty if all is well

    def to_json(self) -> dict[str, str]:
        """The point as a JSON object."""
        return asdict(self)


def computer_findings(folder: Path) -> list[CheckedPoint]:
    """Libraries, programs that hold cameras, disk (of the folder for sessions) and clock."""
    return [*map(_library, LIBRARIES), _holders(), _disk(folder), _clock()]


def _library(name: str) -> CheckedPoint:
    try:
        return CheckedPoint(f"library-{name}", "ok", f"{name} {version(name)}")
    except PackageNotFoundError:
        advice = f"pip install {name}" + (" (no Windows)" if name == "gphoto2" else "")
        return CheckedPoint(
            f"library-{name}", "fail", f"{name} is not installed", advice
        )


def _holders() -> CheckedPoint:
    holders = usb_holders()
    if not holders:
        return CheckedPoint(
            "usb-holders", "ok", "no program that is known to hold cameras runs"
        )
    listed = ", ".join(f"{holder.name} (process {holder.pid})" for holder in holders)
    return CheckedPoint(
        "usb-holders",
        "warn",
        f"may hold a USB camera: {listed}",
        "close it; for gvfs run 'gio mount -s gphoto2' and "
        "'systemctl --user mask --now gvfs-gphoto2-volume-monitor'",
    )


def _disk(folder: Path) -> CheckedPoint:
    folders = (folder, *folder.absolute().parents)
    place = next(path for path in folders if path.is_dir())
    free = shutil.disk_usage(place).free
    detail = f"{free / 1e9:.1f} GB free in {place.absolute()}"
    if free >= LITTLE_DISK_BYTES:
        return CheckedPoint("disk", "ok", detail)
    status: Status = "fail" if free < NO_DISK_BYTES else "warn"
    return CheckedPoint(
        "disk", status, detail, "a RAW pair takes about 0.1 GB; free some space"
    )


def _clock() -> CheckedPoint:
    now = datetime.now(UTC)
    if now < EARLIEST:
        return CheckedPoint(
            "clock", "fail", f"this computer's clock says {now:%Y-%m-%d}", "set it"
        )
    if _is_set_by_the_network():
        return CheckedPoint(
            "clock", "ok", "this computer's clock is set by the network"
        )
    question = f"this computer's clock says {now:%Y-%m-%d %H:%M} UTC; is that right?"
    return CheckedPoint("clock", "ask", question)


def _is_set_by_the_network() -> bool:
    """Whether systemd synchronises the clock; False if it is missing or does not answer."""
    if shutil.which("timedatectl") is None:
        return False
    try:
        answer = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return answer.stdout.strip() == "yes"


Words = Mapping[str, Word]

LOW_BATTERY_PERCENT = 25
CLOCK_TOLERANCE_SECONDS = 120.0
LITTLE_CARD_BYTES = 4_000_000_000
MANY_FILES = 300
"""Number of files on a card above which releases get slow: a GH5 then needs 60 s."""

SWITCHED_AT_THE_LENS = ("one shot", "ai focus", "ai servo")
"""Canon's focus modes, which do not say whether the lens is switched to MF."""


def camera_findings(camera: Camera) -> list[CheckedPoint]:
    """Findings from a camera's own report, and questions for the user."""
    described = camera.describe()
    words = words_of(camera)
    findings = [
        CheckedPoint("camera", "ok", f"{described.model} answers at {described.uri}"),
        _settable(camera, words),
        *(map(_card, camera.cards()) if isinstance(camera, HasCardSpace) else ()),
        *_battery(described),
        *_camera_clock(words),
    ]
    if described.simulated:
        return [
            *findings,
            CheckedPoint("body", "ok", "the camera is simulated: no lens, no curtain"),
        ]
    checks = BODY_CHECKS if described.writes_exif else VIDEO_CHECKS
    return [*findings, *(check(words) for check in checks)]


def _settable(camera: Camera, words: Words) -> CheckedPoint:
    settings = camera.settings()
    program = program_of(words)
    if automatic_settings(program):
        advice = "set the dial to M; entries come and go with the mode"
        return CheckedPoint(
            "settings", "fail", f"the camera is in mode {program}", advice
        )
    if "aperture" not in settings:
        return CheckedPoint(
            "settings",
            "warn",
            "this camera lets nobody set the aperture",
            "use --mode focus where it has a motor, or set the lens by hand and use folder:",
        )
    locked = [setting.word for setting in settings.values() if setting.read_only]
    if locked:
        advice = "set the dial to M and the lens ring to A"
        return CheckedPoint(
            "settings", "fail", f"read-only now: {', '.join(locked)}", advice
        )
    return CheckedPoint("settings", "ok", f"can be set: {', '.join(settings)}")


def _battery(described: CameraDescription) -> list[CheckedPoint]:
    digits = (described.battery or "").strip().removesuffix("%")
    if not digits.isdecimal():
        return []
    if int(digits) >= LOW_BATTERY_PERCENT:
        return [CheckedPoint("battery", "ok", f"{digits} %")]
    return [
        CheckedPoint(
            "battery", "warn", f"{digits} %", "charge it, or use a mains adapter"
        )
    ]


def _card(card: CardSpace) -> CheckedPoint:
    free = "an unknown space"
    if card.free_bytes is not None:
        free = f"{card.free_bytes / 1e9:.1f} GB"
    detail = f"{card.folder}: {free} free, {card.files} files"
    if card.free_bytes is not None and card.free_bytes < LITTLE_CARD_BYTES:
        return CheckedPoint(
            "card", "warn", detail, "put in an empty card: a RAW pair needs 0.1 GB"
        )
    if card.files > MANY_FILES:
        advice = "empty it: some bodies list the whole card at each release, a minute and more"
        return CheckedPoint("card", "warn", detail, advice)
    return CheckedPoint("card", "ok", detail)


def _target(words: Words) -> CheckedPoint:
    """Check whether a shot is on a card before it reaches this computer."""
    target = words.get("capturetarget")
    if target is not None and any(
        "card" in choice.lower() for choice in target.choices
    ):
        return CheckedPoint("capture-target", "ok", "pictures can be kept on the card")
    detail = "this camera lets nobody choose that its pictures go to a card"
    advice = "mind the cable: one that is only in the camera's memory ends with the connection"
    return CheckedPoint("capture-target", "warn", detail, advice)


def _drive(words: Words) -> CheckedPoint:
    """Check that a release takes one picture: a timer delays it, a burst delivers old ones."""
    name = next((name for name in DRIVE_WORDS if name in words), None)
    question = "does each release take one picture, at once?"
    if name is None or (single := words[name].value.lower()).startswith("unknown"):
        return CheckedPoint(
            "drive-mode", "ask", question, "set the camera to single pictures"
        )
    detail = f"{name} is {words[name].value}"
    advice = "set its dial to single pictures"
    try:
        refuse_burst(words)
    except InputError:
        return CheckedPoint("drive-mode", "fail", detail, advice)
    if single.startswith("single") or not words[name].read_only:
        return CheckedPoint("drive-mode", "ok", detail)
    return CheckedPoint("drive-mode", "warn", detail, advice)


def _camera_clock(words: Words) -> list[CheckedPoint]:
    skew = _clock_skew_seconds(words)
    if skew is None:
        return []
    if skew <= CLOCK_TOLERANCE_SECONDS:
        return [
            CheckedPoint("camera-clock", "ok", f"{skew:.0f} s from this computer's")
        ]
    return [
        CheckedPoint(
            "camera-clock",
            "warn",
            f"{skew:.0f} s from this computer's clock, time zones apart",
            "set it: pictures are paired by their time when they are imported",
        )
    ]


def _clock_skew_seconds(words: Words) -> float | None:
    """Error of a camera's clock, > 0; None without one.

    USB cameras count in their own time zone, and zones differ by quarters of an hour."""
    if CLOCK_SKEW in words:
        return abs(float(words[CLOCK_SKEW].value))
    value = words["datetime"].value if "datetime" in words else ""
    if not value.isdecimal():
        return None
    skew = (int(value) - time.time()) % 900
    return min(skew, 900 - skew)


def _is_on(value: str) -> bool:
    return value not in ("off", "0", "false", "none", "no", "disabled", "disable")


def _is_electronic(value: str) -> bool:
    return "electronic" in value or value in ("on", "1")


def _is_lossy(value: str) -> bool:
    compressed = (
        "compressed" in value
        and "lossless" not in value
        and "uncompressed" not in value
    )
    return "craw" in value or compressed


@dataclass(frozen=True)
class _Switch:
    """A check of the first entry whose name has a part, or a question without one."""

    name: str
    parts: tuple[str, ...]
    status: Status  # where the entry is bad
    question: str
    advice: str
    bad: Callable[[str], bool] = _is_on  # whether a value is; choices are in English

    def __call__(self, words: Words) -> CheckedPoint:
        for name, word in words.items():
            if any(part in name.lower() for part in self.parts) and word.value:
                detail = f"{name} is {word.value}"
                if self.bad(word.value.lower()):
                    return CheckedPoint(self.name, self.status, detail, self.advice)
                return CheckedPoint(self.name, "ok", detail)
        return CheckedPoint(self.name, "ask", self.question, self.advice)


_STABILISATION = _Switch(
    "stabilisation",
    ("stabil", "vibration", "steadyshot"),
    "fail",
    "is image stabilisation off, in the lens and in the body?",
    "switch it off: on a tripod it moves the picture between the shots",
)
_FOCUS_SHIFT = _Switch(
    "focus-shift",
    (),
    "ask",
    "has the lens no focus shift when it is stopped down?",
    "'calibrate focus' at both apertures shows it; focus with the lens stopped down if it has",
)
_CORRECTIONS = _Switch(
    "corrections",
    (),
    "ask",
    "are lens corrections, dynamic-range and picture optimisers off in the camera?",
    "switch them off: they change JPEGs differently at each aperture",
)
_AUTOFOCUS = _Switch(
    "autofocus",
    ("autofocus", "focusmode"),
    "warn",
    "is the lens on manual focus?",
    "switch the lens to MF: it focuses again before each shot otherwise",
)


def _autofocus(words: Words) -> CheckedPoint:
    # what is at manual needs no switch
    for name in ("focusmode2", "focusmode", "afmode"):
        if name in words and words[name].value.lower().startswith(("manual", "mf")):
            return CheckedPoint("autofocus", "ok", f"{name} is {words[name].value}")
    mode = words["focusmode"].value if "focusmode" in words else ""
    if mode.lower() in SWITCHED_AT_THE_LENS:
        question = (
            f"is the switch on the lens at MF? (focusmode says {mode} either way)"
        )
        return CheckedPoint("autofocus", "ask", question, "switch the lens to MF")
    return _AUTOFOCUS(words)


BODY_CHECKS: tuple[Callable[[Words], CheckedPoint], ...] = (
    _STABILISATION,
    _Switch(
        "electronic-first-curtain",
        ("firstcurtain", "frontcurtain", "efcs"),
        "warn",
        "is the electronic first curtain off, at wide apertures and short times?",
        "switch it off: it cuts the blur discs of wide apertures",
    ),
    _Switch(
        "electronic-shutter",
        ("shuttertype", "silentmode", "shuttermode"),
        "warn",
        "is the shutter mechanical, or the light free of flicker (daylight)?",
        "use the mechanical shutter under lamps: a full electronic one shows bands",
        _is_electronic,
    ),
    _Switch(
        "long-exposure-noise-reduction",
        ("longexp", "long_exposure"),
        "fail",
        "is noise reduction of long exposures off?",
        "switch it off: it treats the members of a pair differently, and doubles the time",
    ),
    _Switch(
        "lossy-raw",
        ("rawcompression", "compression", "imagequality", "imageformat"),
        "warn",
        "is RAW uncompressed or compressed without loss?",
        "choose lossless RAW: lossy steps are of the size of what is measured",
        _is_lossy,
    ),
    _Switch(
        "sleep",
        ("autopoweroff", "autopower", "standby"),
        "warn",
        "does the camera stay awake, and does its lens not park when it sleeps?",
        "let it never power off by itself: many lenses forget their focus when the camera sleeps",
    ),
    _FOCUS_SHIFT,
    _autofocus,
    _CORRECTIONS,
    _target,
    _drive,
)

VIDEO_CHECKS = (_STABILISATION, _FOCUS_SHIFT, _CORRECTIONS)
"""Checks for cameras on a network or USB: they have no curtain and no RAW, and their automatic
functions are switched off by the program."""
