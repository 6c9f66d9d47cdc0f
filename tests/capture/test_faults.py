"""Each fault of the simulated camera and its answer: try again, reject, warn, or an exit code."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from defocus.capture.links.back_ends import open_camera
from defocus.capture.links.retries import PAUSES_SECONDS, ShotFailedError
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.damage import CheckedPair, check_session
from defocus.capture.sessions.session import read_session
from defocus.capture.simulation.body import FAULTS, parse_faults
from defocus.capture.simulation.options import PROFILES
from defocus.errors import CameraError, StorageError
from tests.capture import shooting
from tests.capture.shooting import entry, journalled, resume

SMALL = "sim:?seed=4&width=240&height=180"
REQUEST = BracketRequest(blurry="f/2.8", shutter="1/200")


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The clock of the simulated camera and of whoever waits for it."""
    clock = Clock()
    for module in (
        "simulation.body",
        "cameras.sim",
        "links.retries",
        "taking.shots.frames",
    ):
        monkeypatch.setattr(f"defocus.capture.{module}.time", clock)
    return clock


def shoot(
    session: Path, *faults: str, uri: str = SMALL, code: int = 0, **options: Any
) -> None:
    """One pair: the sharp shot is number 1, the blurry one 2, the anchor 3."""
    typed = "".join(f"&fault={quote(fault, safe='')}" for fault in faults)
    shooting.shoot(
        session, uri + typed, REQUEST, code=code, **{"retake": "never", **options}
    )


def the_pair(session: Path) -> CheckedPair:
    checked = check_session(session)
    assert all(entry.ok for pair in checked.pairs for entry in pair.files)
    (pair,) = checked.pairs
    return pair


def retries(session: Path) -> list[str]:
    return [record["text"] for record in journalled(session, "retry")]


SEEN = {
    "wrong-aperture@2": ("reject", "EXIF of the blurry file says f-number 5.6"),
    "stuck-aperture@2": ("reject", "exposure is off by -6.00 EV"),
    "ev=-0.5@2": ("reject", "exposure is off by -0.50 EV"),
    "ev=0.2@3": ("warn", "the light changed by +0.20 EV"),
    "shift=3,-4@2": ("warn", "the camera moved by 5.0 px"),
    "shift=9,12@2": ("reject", "the camera moved by 15.0 px"),
    "shift=4@3": ("warn", "drifted by 4.0 px"),
    "zoom@2": ("warn", "the magnification changed by"),
    "zoom=1.07@2": ("reject", "the magnification changed by"),
    "motion@3": ("reject", "something moved in"),
    "wb-drift@2": (
        "warn",
        "the colour of the light changed by +0.08 EV of red and -0.08 EV",
    ),
    "dust@3": ("reject", "something moved in"),
    "clip@2": ("warn", "5.3% of the blurry picture is clipped"),
    "af-hunt@2": ("warn", "the magnification changed by"),
    "duplicate-frame@2": ("reject", "both files are the same"),
    "clock-jump@2": (
        "warn",
        "by the camera's clock the shots of the pair are 3602 s apart",
    ),
    "truncated@1": ("reject", "sharp.tif: not a picture"),
    "truncated@3": ("reject", "anchor.tif: not a picture"),
    "turn=1@2": ("accept", ""),  # no limit is set for it
}
"""Fault → verdict, and what is said."""


@pytest.mark.full
@pytest.mark.parametrize("fault", SEEN)
def test_faults_in_the_pictures_are_seen(tmp_path, fault):
    verdict, reason = SEEN[fault]
    shoot(tmp_path / "session", fault, code=int(verdict == "reject"))
    pair = the_pair(tmp_path / "session")
    assert pair.verdict == verdict, pair.reason
    assert reason in pair.reason
    if fault == "turn=1@2":
        turned = entry(tmp_path / "session")["quality"]["misalignment"]["rotation_deg"]
        assert turned == pytest.approx(-1.0, abs=0.02)


@pytest.mark.parametrize(
    "fault", ["truncated@2", "duplicate-frame@2", "motion@3", "ev=1@1"]
)
def test_a_fault_that_passes_costs_one_retake(tmp_path, fault):
    session = tmp_path / "session"
    shoot(session, fault, retake="auto")
    assert the_pair(session).verdict == "accept"
    assert [path.name for path in (session / "rejected").iterdir()] == [
        "0001_scene-001.1"
    ]


def test_half_a_file_is_no_picture_even_where_quality_is_off(tmp_path):
    shoot(tmp_path / "session", "truncated@3", strictness="off", code=1)
    assert "anchor.tif" in the_pair(tmp_path / "session").reason


TRIED_AGAIN = {
    "busy@2": ["is busy", "is busy"],
    "busy=3@1": ["is busy"] * 3,
    "timeout@3": ["did not answer in 0.5 s"],
    "crash@2": ["the process of the simulated camera crashed; it runs again"],
    "slow=1@2": [],
}


@pytest.mark.parametrize("fault", TRIED_AGAIN)
def test_a_camera_that_does_not_take_a_shot_is_asked_again(tmp_path, fault, clock):
    shoot(tmp_path / "session", fault)
    pair = the_pair(tmp_path / "session")
    assert (pair.verdict, pair.reason) == ("accept", "")
    said = retries(tmp_path / "session")
    assert all(
        text in line for text, line in zip(TRIED_AGAIN[fault], said, strict=True)
    )
    assert fault != "slow=1@2" or clock.waits.count(1.0) == 1


@pytest.mark.full
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("unplug@5", CameraError),
        ("store-full@5", CameraError),
        ("busy=9@5", ShotFailedError),
        ("disk-full@5", StorageError),
    ],
)
def test_what_no_retry_cures_ends_a_session_that_goes_on(
    tmp_path, fault, kind, refused
):
    """The second of three pairs is cut short at its second shot."""
    session = tmp_path / "session"
    with refused(kind) as caught:
        shoot(session, fault, repeat=3)
    assert caught.value.exit_code == (5 if kind is StorageError else 4)
    verdicts = [pair.verdict for pair in check_session(session).pairs]
    assert verdicts == ["accept", "incomplete", "incomplete"]
    assert not list(session.rglob("*.part"))
    assert resume(session, SMALL) == 0
    assert [pair.verdict for pair in check_session(session).pairs] == ["accept"] * 3


def test_every_fault_has_a_test():
    """Those that tests above name, by the one list of faults."""
    named = [*SEEN, *TRIED_AGAIN, "unplug", "store-full", "disk-full"]
    assert {fault.name for fault in parse_faults(named).faults} == set(FAULTS)


def test_a_full_buffer_is_waited_for(tmp_path, clock):
    shoot(tmp_path / "session", uri=f"{SMALL}&buffer=1&drain=0.5")
    said = retries(tmp_path / "session")
    assert len(said) == 4  # before each of the last two shots: after 0.2 s, after 0.6 s
    assert all("buffer" in line for line in said)
    assert [wait for wait in clock.waits if wait in PAUSES_SECONDS] == [0.2, 0.4] * 2


def test_a_camera_that_fell_asleep_is_woken(tmp_path, clock, refused):
    camera = open_camera(f"{SMALL}&sleep=0.05")
    camera.set("aperture", "f/8")
    clock.sleep(0.1)
    with refused(ShotFailedError):
        camera.set("aperture", "f/22")
    assert camera.settings()["aperture"].value == "f/8"
    assert camera.set("aperture", "f/22") == "f/22"


@pytest.mark.parametrize("name", PROFILES)
def test_a_session_in_each_makers_words(tmp_path, name):
    """Asked for in the same words, set in the camera's own."""
    shoot(tmp_path / "session", uri=f"{SMALL}&profile={name}&backlash=9&latency=0.01")
    (pair,) = read_session(tmp_path / "session").pairs
    roles = pair.metadata["roles"]
    got = [tuple(roles[role]["got"].values()) for role in ("blurry", "sharp")]
    word, blurry, sharp = {
        "plain": ("aperture", ("f/2.8", "1/200", "100"), ("f/22", "0.3", "100")),
        "canon": ("aperture", ("2.8", "1/200", "100"), ("22", "0.3", "100")),
        "nikon": ("f-number", ("f/2.8", "0.0050s", "100"), ("f/22", "0.3000s", "100")),
        "ipcam": ("Exposure.Iris", ("f/2.8", "1/200", "100"), ("f/22", "1/5", "160")),
    }[name]  # the times of the last one end at 1/5 s
    assert got == [blurry, sharp]
    assert open_camera(f"sim:?profile={name}").settings()["aperture"].word == word
    assert roles["sharp"]["exif"]["f_number"] == (None if name == "ipcam" else 22.0)
    assert abs(pair.metadata["exposure"]["residual_ev"]) < 0.02


def test_automatic_values_are_refused(tmp_path, refused):
    camera = open_camera(f"{SMALL}&profile=canon")
    camera.set("iso", "Auto")
    with refused(CameraError):
        camera.shoot(tmp_path / "sharp")
