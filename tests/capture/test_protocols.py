"""Protocols on the simulated camera: which shots, at which focus, and what they are worth."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.capture.judging.limits import QualityLimits
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.exposure import Bracket, plan_bracket
from defocus.capture.planning.protocol import make_protocol
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.sessions.checking import check_session
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.journal import read_journal
from defocus.capture.sessions.session import read_session
from defocus.capture.simulation.motor import FocusMotor
from defocus.capture.taking.resuming import resume_session
from defocus.capture.taking.running import ShootOptions, shoot_new
from defocus.capture.taking.shots.focusing import FocusPositions, focus_positions
from defocus.capture.taking.shots.rig import RigAddress
from defocus.errors import InputError

SMALL = "sim:?width=320&height=240"


def bracket(shutter: str = "1/200", blurry: str = "f/4", **options: Any) -> Bracket:
    camera = open_camera("sim:")
    return plan_bracket(camera.settings(), blurry, "f/22", shutter=shutter, **options)


def roles(protocol: Any) -> list[str]:
    return [frame.role for frame in protocol.frames]


def shoot(session: Path, uri: str | RigAddress, *, code: int = 0, **wishes: Any) -> None:
    """Shoot with the options of requests and of shoots mixed."""
    kinds = {
        name: wishes.pop(name) for name in list(wishes) if name in ShootOptions.__annotations__
    }
    address = RigAddress(uri) if isinstance(uri, str) else uri
    request = BracketRequest(
        wishes.pop("blurry", "f/4"), "f/22", wishes.pop("shutter", "1/200"), **wishes
    )
    options = ShootOptions(**kinds)
    done = shoot_new(session, address, request, options, yes=True, json_lines=False, hook=None)
    assert done == code


def entry(session: Path, number: int = 1) -> dict[str, Any]:
    (path,) = session.glob(f"pairs/{number:04d}_*/pair.json")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def truth(session: Path, number: int = 1) -> dict[str, Any]:
    (path,) = session.glob(f"pairs/{number:04d}_*/truth/truth.json")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def events(session: Path, *names: str) -> list[str]:
    found = [record["event"] for record in read_journal(session / "journal.jsonl").records]
    return [event for event in found if event in names]


# --- which shots ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "order", "expected"),
    [
        ("aperture", "aba", ["sharp", "blurry", "anchor"]),
        ("aperture", "sharp-first", ["sharp", "blurry"]),
        ("aperture", "blurry-first", ["blurry", "sharp"]),
        ("focus", "aba", ["sharp", "blurry", "companion", "anchor"]),
        ("both", "blurry-first", ["blurry", "companion", "sharp"]),
        ("dual", "aba", ["blurry", "sharp"]),
    ],
)
def test_shots_of_a_pair(mode: Any, order: Any, expected: list[str]) -> None:
    assert roles(make_protocol(bracket(), mode=mode, order=order)) == expected


def test_the_blurry_one_is_repeated_only_where_the_narrow_exposure_takes_too_long() -> None:
    short = make_protocol(bracket("1/200"), max_seconds=1.0)
    assert (roles(short), short.anchored) == (["sharp", "blurry", "anchor"], "sharp")
    assert short.frames[0].exposure == short.frames[2].exposure
    limited = bracket("1/15", max_seconds=1.0)
    long = make_protocol(limited, max_seconds=1.0)
    assert (roles(long), long.anchored) == (["blurry", "sharp", "anchor"], "blurry")
    assert long.frames[2].exposure == limited.blurry


def test_focus_mode_keeps_the_aperture_unless_the_travel_is_too_short() -> None:
    enough = make_protocol(bracket(), mode="focus")
    apertures = {frame.role: frame.exposure.aperture for frame in enough.frames}
    assert apertures == {"sharp": "f/4", "blurry": "f/4", "companion": "f/22", "anchor": "f/4"}
    assert [frame.role for frame in enough.frames if frame.defocused] == ["blurry", "companion"]
    short = make_protocol(bracket(), mode="focus", stopped_down=True)
    assert short.asked.sharp.aperture == "f/22"


# --- positions of the motor -------------------------------------------------------------------


@given(
    backlash=st.integers(0, 18),
    targets=st.lists(st.integers(-60, 60), min_size=1, max_size=8),
)
def test_a_position_is_the_same_from_wherever_it_is_approached(
    backlash: int, targets: list[int]
) -> None:
    motor = FocusMotor(2000.0, 90, backlash)
    focus = FocusPositions(motor.move, overshoot=20)
    rest = motor.position
    for target in [*targets, 0]:
        assert focus.go(target)
        assert motor.position - rest == target


def test_backlash_of_a_plain_motor_shows() -> None:
    """60 steps there and 20 back land on 46, not on 40, with 6 steps of play."""
    motor = FocusMotor(2000.0, 90, 6)
    motor.move(60)
    motor.move(-20)
    assert motor.position == 46


@pytest.mark.parametrize("asked", [200, -200])
def test_the_end_of_the_travel_is_found_and_left(asked: int) -> None:
    motor = FocusMotor(2000.0, 90, 6)
    focus = FocusPositions(motor.move, overshoot=20)
    reached = focus.reach(asked)
    assert 60 <= abs(reached) <= 90
    assert reached * asked > 0
    assert motor.position == 0
    assert focus.go(reached)
    assert motor.position == reached


# --- whole pairs ------------------------------------------------------------------------------


def test_sharp_blurry_sharp_measures_drift_and_the_noise_ceiling(tmp_path: Path) -> None:
    session = tmp_path / "session"
    shoot(session, f"{SMALL}&seed=2&shift=1.5")
    found, true = entry(session), truth(session)
    assert list(found["roles"]) == ["sharp", "blurry", "anchor"]
    anchor = found["quality"]["anchor"]
    expected = true["shots"]["anchor"]["from_sharp"]["shift_px"]
    assert anchor["drift_px"] == pytest.approx(expected, abs=0.1)
    assert abs(expected[0]) > 0.2
    assert 40 < anchor["noise_ceiling_db"] < 60
    assert (anchor["moved_share"], found["verdict"]) == (0.0, "accept")
    assert read_session(session).pairs[0].sharp.name == "sharp.tif"


def test_a_focus_bracket_has_its_geometry_from_the_companion(tmp_path: Path) -> None:
    session = tmp_path / "session"
    shoot(
        session, SMALL, mode="focus", focus_steps=(-30, -45), blurry="f/2", shutter="1/640",
        strictness="warn",
    )  # fmt: skip
    for number, steps in ((1, -30), (2, -45)):
        found, true = entry(session, number), truth(session, number)
        assert found["focus_steps"] == steps
        assert list(found["roles"]) == ["sharp", "blurry", "companion", "anchor"]
        assert found["roles"]["companion"]["asked"]["aperture"] == "f/22"
        # the motor moved, and came back to the same place in spite of its play
        shots = true["shots"]
        assert shots["blurry"]["focus_distance_mm"] == shots["companion"]["focus_distance_mm"]
        assert shots["blurry"]["focus_distance_mm"] == pytest.approx(1000 / (0.5 - 0.005 * steps))
        assert shots["sharp"]["focus_distance_mm"] == shots["anchor"]["focus_distance_mm"] == 2000.0
        measured = found["quality"]["misalignment"]
        assert measured["measured_on"] == "companion"
        half_diagonal_px = 200
        error = measured["zoom"] - true["misalignment"]["zoom"]
        assert abs(error) * half_diagonal_px < 0.3
        assert abs(true["misalignment"]["zoom"] - 1.0) > 0.005
    assert check_session(session).ok


def test_where_the_travel_ends_the_sharp_shot_is_stopped_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = tmp_path / "session"
    shoot(session, SMALL, mode="focus", focus_steps=(-150,), strictness="off", shutter="1/200")
    assert "travel of the focus motor ends after" in capsys.readouterr().err
    found = entry(session)
    assert -90 <= found["focus_steps"] <= -60
    assert found["roles"]["sharp"]["asked"]["aperture"] == "f/22"
    assert found["roles"]["blurry"]["asked"]["aperture"] == "f/4"


def test_two_cameras_are_released_together_and_the_skew_is_stored(tmp_path: Path) -> None:
    session = tmp_path / "session"
    address = RigAddress(f"{SMALL}&latency=0.05", f"{SMALL}&latency=0.3")
    shoot(session, address, mode="dual")
    found, true = entry(session), truth(session)
    assert found["quality"]["release_skew_seconds"] == pytest.approx(true["release_skew_s"])
    assert true["release_skew_s"] == pytest.approx(0.25, abs=0.15)
    assert found["verdict"] == "warn"
    assert "released +" in found["reason"]
    assert found["sharp_camera"]["uri"] != found["camera"]["uri"]
    assert len(read_session(session).pairs) == 1


def test_a_session_of_two_cameras_is_resumed_with_both(tmp_path: Path) -> None:
    session = tmp_path / "session"
    address = RigAddress(SMALL, f"{SMALL}&latency=0.01")
    shoot(session, address, mode="dual", strictness="off")
    journal = session / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-2]))  # without the verdict, and the line of all shots
    assert resume_session(session, uris=(), yes=True, json_lines=False, hook=None) == 0
    assert check_session(session).ok
    assert entry(session)["sharp_camera"]["uri"].endswith("latency=0.01")


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"mode": "dual"}, "needs two cameras"),
        ({"mode": "focus"}, "--focus-steps 40"),
        ({"mode": "focus", "focus_steps": (0,)}, "--focus-steps 40"),
        ({"focus_steps": (40,)}, "moves no focus"),
    ],
)
def test_modes_that_lack_something_say_what(wishes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BracketRequest("f/4", "f/22", "1/200", **wishes).plan(open_camera("sim:"))


def test_addresses_of_a_rig() -> None:
    assert RigAddress.parse(("sim:?seed=1",)) == RigAddress("sim:?seed=1")
    assert RigAddress.parse(("sharp=sim:a", "blurry=sim:b")) == RigAddress("sim:b", "sim:a")
    for typed in ((), ("sim:", "sim:"), ("blurry=sim:",), ("blurry=sim:", "blurry=sim:")):
        with pytest.raises(InputError, match="blurry=URI"):
            RigAddress.parse(typed)


# --- retakes, grey card, pace -----------------------------------------------------------------


def test_a_rejected_pair_is_shot_again_and_the_first_try_is_kept(tmp_path: Path) -> None:
    session = tmp_path / "session"
    shoot(session, f"{SMALL}&fault=ev%3D1@2", scenes=2)
    assert events(session, "retake", "pair-complete") == [
        "retake",
        "pair-complete",
        "pair-complete",
    ]
    assert (session / "rejected/0001_scene-001.1/blurry.tif").is_file()
    assert [pair.verdict for pair in check_session(session).pairs] == ["accept", "accept"]


def test_retries_end(tmp_path: Path) -> None:
    session = tmp_path / "session"
    shoot(session, f"{SMALL}&exposure_error=0.01&fault=wrong-aperture", retries=1, code=1)
    assert events(session, "retake", "pair-complete") == ["retake", "pair-complete"]
    (pair,) = check_session(session).pairs
    assert pair.verdict == "reject"
    assert "EXIF" in pair.reason
    assert read_session(session).pairs == ()


def test_retake_never(tmp_path: Path) -> None:
    session = tmp_path / "session"
    shoot(session, f"{SMALL}&fault=wrong-aperture", retake="never", code=1)
    assert events(session, "retake") == []


def test_limits_and_strictness_are_the_persons(tmp_path: Path) -> None:
    wide = QualityLimits(exposure_warn_ev=1.5, exposure_reject_ev=2.0)
    fault = f"{SMALL}&fault=ev%3D1@2"
    shoot(tmp_path / "wide", fault, limits=wide, retake="never")
    assert check_session(tmp_path / "wide").pairs[0].verdict == "accept"
    shoot(tmp_path / "warn", fault, strictness="warn", retake="never")
    assert check_session(tmp_path / "warn").pairs[0].verdict == "warn"
    shoot(tmp_path / "off", fault, strictness="off", retake="never")
    assert "exposure_residual_ev" not in entry(tmp_path / "off")["quality"]


@pytest.mark.full
def test_a_grey_card_in_each_scene(tmp_path: Path) -> None:
    session = tmp_path / "session"
    shoot(session, f"{SMALL}&warmth=0.2", scenes=2, repeat=2, grey_card=True)
    cards = [entry(session, number)["grey_card"] for number in (1, 2, 3, 4)]
    assert [card is not None for card in cards] == [True, False, True, False]
    for card in (cards[0], cards[2]):
        assert card["white_balance"] == pytest.approx([1 / 1.2, 1.0, 1.2], rel=0.01)
        assert card["level_ev"] == pytest.approx(-2 / 3, abs=0.02)  # f/4, 1/128 s is full
        assert not card["clipped"]
    assert (session / "pairs/0001_scene-001/grey-card.tif").is_file()
    assert check_session(session).ok


def test_a_pair_that_is_shot_again_has_its_grey_card_again(tmp_path: Path) -> None:
    session = tmp_path / "session"
    shoot(session, f"{SMALL}&fault=ev%3D1@3", grey_card=True)  # the card is the first shot
    assert events(session, "retake") == ["retake"]
    assert entry(session)["grey_card"] is not None
    assert (session / "rejected/0001_scene-001.1/grey-card.tif").is_file()


@pytest.mark.full
def test_pairs_keep_the_pace(tmp_path: Path) -> None:
    session = tmp_path / "session"
    shoot(session, "sim:?width=64&height=64", repeat=2, every_seconds=1.5, strictness="off")
    records = read_journal(session / "journal.jsonl").records
    started = [
        datetime.fromisoformat(record["time"])
        for record in records
        if record["event"] == "pair-started"
    ]
    assert (started[1] - started[0]).total_seconds() >= 1.4


# --- sessions of version 0.1.0 ----------------------------------------------------------------


def test_a_journal_without_modes_means_two_shots_blurry_first() -> None:
    old = BracketRequest("f/4", "f/22", "1/200").plan(open_camera("sim:")).to_json()
    for name in ("mode", "order", "focus_steps", "frames", "sharp_camera"):
        del old[name]
    kept = ShootRecord.model_validate({**old, "max_seconds": 30.0, "settle_seconds": 0.0})
    request = BracketRequest.from_shoot(kept)
    assert roles(request.plan(open_camera("sim:")).protocol) == ["blurry", "sharp"]
    assert ShootOptions.from_shoot(kept).retake == "never"


def test_a_persons_verdict_replaces_the_measured_one(tmp_path: Path) -> None:
    session = tmp_path / "session"
    shoot(session, SMALL)
    with open_session_folder(session, create=False) as folder:
        folder.judge("0001_scene-001", "reject", "a hand in the picture")
    (pair,) = check_session(session).pairs
    assert (pair.verdict, pair.reason) == ("reject", "a hand in the picture")
    assert read_session(session).pairs == ()


@pytest.mark.full
def test_focus_motor_is_needed(virtual_folder: Path) -> None:
    with (
        open_camera(f"gphoto2:virtual={virtual_folder}") as camera,
        pytest.raises(InputError, match="no focus motor"),
    ):
        focus_positions(camera)
