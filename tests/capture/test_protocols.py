"""Protocols on the simulated camera: which shots, at which focus, and what they are worth."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.exposure import Bracket, plan_bracket
from defocus.capture.planning.protocol import make_protocol
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.quality.limits import QualityLimits, with_changes
from defocus.capture.quality.shot_findings import PairShots
from defocus.capture.quality.verdict import Quality
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.session import read_session, read_state
from defocus.capture.simulation.body import FocusMotor
from defocus.capture.taking.shots import series
from defocus.capture.taking.shots.rig import FocusPositions, RigAddress, focus_positions
from defocus.datasets.deriving.import_session import import_sessions
from defocus.datasets.manifest import read_manifest
from defocus.errors import CameraError, InputError
from defocus.pictures.read import read_image
from tests.capture.shooting import entry, journalled, resume, shoot
from tests.command_process import wait_until

SMALL = "sim:?width=320&height=240"
TINY = "sim:?seed=3&width=128&height=96&noise=0.5"
REQUEST = BracketRequest(shutter="1/200")
SERIES = BracketRequest(blurry="f/4,f/2.8", shutter="1/200")


def bracket(shutter: str = "1/200", blurry: str = "f/4", **options: Any) -> Bracket:
    camera = open_camera("sim:")
    return plan_bracket(camera.settings(), blurry, "f/22", shutter=shutter, **options)


def roles(protocol: Any) -> list[str]:
    return [frame.role for frame in protocol.frames]


def truth(session: Path, number: int = 1) -> dict[str, Any]:
    (path,) = session.glob(f"pairs/{number:04d}_*/truth/truth.json")
    return json.loads(path.read_text())


def verdicts(session: Path) -> list[str]:
    return [pair.verdict for pair in check_session(session).pairs]


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
def test_shots_of_a_pair(mode, order, expected):
    assert roles(make_protocol(bracket(), mode=mode, order=order)) == expected


def test_the_blurry_one_is_repeated_only_where_the_narrow_exposure_takes_too_long():
    short = make_protocol(bracket("1/200"), max_seconds=1.0)
    assert (roles(short), short.anchored) == (["sharp", "blurry", "anchor"], "sharp")
    assert short.frames[0].exposure == short.frames[2].exposure
    limited = bracket("1/15", max_seconds=1.0)
    long = make_protocol(limited, max_seconds=1.0)
    assert (roles(long), long.anchored) == (["blurry", "sharp", "anchor"], "blurry")
    assert long.frames[2].exposure == limited.blurry


def test_focus_mode_keeps_the_aperture():
    enough = make_protocol(bracket(), mode="focus")
    apertures = {frame.role: frame.exposure.aperture for frame in enough.frames}
    assert apertures == {
        "sharp": "f/4",
        "blurry": "f/4",
        "companion": "f/22",
        "anchor": "f/4",
    }
    assert [frame.role for frame in enough.frames if frame.defocused] == [
        "blurry",
        "companion",
    ]


@given(
    backlash=st.integers(0, 18),
    targets=st.lists(st.integers(-60, 60), min_size=1, max_size=8),
)
def test_a_position_is_the_same_from_wherever_it_is_approached(backlash, targets):
    motor = FocusMotor(2000.0, 90, backlash)
    focus = FocusPositions(motor.move, overshoot=20)
    rest = motor.position
    for target in [*targets, 0]:
        assert focus.go(target)
        assert motor.position - rest == target


@pytest.mark.parametrize("asked", [200, -200])
def test_the_end_of_the_travel_is_found_and_left(asked):
    motor = FocusMotor(2000.0, 90, 6)
    focus = FocusPositions(motor.move, overshoot=20)
    reached = focus.reach(asked)
    assert 60 <= abs(reached) <= 90
    assert reached * asked > 0
    assert motor.position == 0
    assert focus.go(reached)
    assert motor.position == reached


@pytest.mark.full
def test_focus_motor_is_needed(virtual_folder, refused):
    with (
        open_camera(f"gphoto2:virtual={virtual_folder}") as camera,
        refused(InputError),
    ):
        focus_positions(camera)


def test_sharp_blurry_sharp_measures_drift_and_the_noise_ceiling(tmp_path):
    session = tmp_path / "session"
    shoot(session, f"{SMALL}&seed=2&shift=1.5", REQUEST)
    shot, true = entry(session), truth(session)
    assert list(shot["roles"]) == ["sharp", "blurry", "anchor"]
    anchor = shot["quality"]["anchor"]
    expected = true["shots"]["anchor"]["from_sharp"]["shift_px"]
    assert anchor["drift_px"] == pytest.approx(expected, abs=0.1)
    assert abs(expected[0]) > 0.2
    assert 40 < anchor["noise_ceiling_db"] < 60
    assert (anchor["moved_share"], shot["verdict"]) == (0.0, "accept")
    with open_session_folder(session, create=False) as folder:
        folder.judge("0001_scene-001", "reject", "a hand in the picture")
    (pair,) = check_session(session).pairs
    assert (pair.verdict, pair.reason) == ("reject", "a hand in the picture")
    assert read_session(session).pairs == (), (
        "a person's verdict replaces the measured one"
    )


@pytest.mark.full
def test_a_focus_bracket_has_its_geometry_from_the_companion(tmp_path):
    """And so has the dataset that is made of the session."""
    session, steps = tmp_path / "s", (-30, -45)
    request = BracketRequest(
        blurry="f/2", shutter="1/640", mode="focus", focus_steps=steps
    )
    shoot(session, "sim:?width=160&height=120", request, strictness="warn")
    assert check_session(session).ok
    assert import_sessions([session], tmp_path / "data").unknown == ()
    for number, pair in enumerate(read_manifest(tmp_path / "data").pairs):
        judgement, true = entry(session, number + 1), truth(session, number + 1)
        assert judgement["focus_steps"] == steps[number]
        assert list(judgement["roles"]) == ["sharp", "blurry", "companion", "anchor"]
        assert judgement["roles"]["companion"]["asked"]["aperture"] == "f/22"
        # the motor moved, and came back to the same place in spite of its play
        distances = {
            role: shot["focus_distance_mm"] for role, shot in true["shots"].items()
        }
        assert distances["blurry"] == distances["companion"]
        assert distances["blurry"] == pytest.approx(
            1000 / (0.5 - 0.005 * steps[number])
        )
        assert distances["sharp"] == distances["anchor"] == 2000.0
        measured = judgement["quality"]["misalignment"]
        assert (measured["measured_on"], measured["status"]) == ("companion", "ok")
        half_diagonal_px = 100
        error = measured["zoom"] - true["misalignment"]["zoom"]
        assert abs(error) * half_diagonal_px < 0.3
        assert abs(true["misalignment"]["zoom"] - 1.0) > 0.005
        imported = pair.metadata["measured_misalignment"]
        for name in ("measured_on", "status", "shift_px", "zoom", "rotation_deg"):
            assert imported[name] == measured[name]
        assert imported["residual_px"] == {"median": None, "p95": None}


def test_where_the_travel_ends_the_sharp_shot_is_stopped_down(tmp_path, capsys):
    request = BracketRequest(shutter="1/200", mode="focus", focus_steps=(-150,))
    shoot(tmp_path / "s", SMALL, request, strictness="off")
    assert "travel of the focus motor ends after" in capsys.readouterr().err
    shot = entry(tmp_path / "s")
    assert -90 <= shot["focus_steps"] <= -60
    assert shot["roles"]["sharp"]["asked"]["aperture"] == "f/22"
    assert shot["roles"]["blurry"]["asked"]["aperture"] == "f/4"


def test_two_cameras_are_released_together_and_resumed_with_both(tmp_path):
    session = tmp_path / "session"
    address = RigAddress(f"{SMALL}&latency=0.05", f"{SMALL}&latency=0.3")
    shoot(session, address, BracketRequest(shutter="1/200", mode="dual"))
    shot, true = entry(session), truth(session)
    assert shot["quality"]["release_skew_seconds"] == pytest.approx(
        true["release_skew_s"]
    )
    assert true["release_skew_s"] == pytest.approx(0.25, abs=0.15)
    assert shot["verdict"] == "warn"
    assert "released +" in shot["reason"]
    journal = session / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    # without the verdict, and the line of all shots
    journal.write_bytes(b"".join(lines[:-2]))
    assert resume(session) == 0
    assert check_session(session).ok
    again = entry(session)
    assert (
        again["sharp_camera"]["uri"]
        == shot["sharp_camera"]["uri"]
        != shot["camera"]["uri"]
    )


def test_addresses_of_a_rig():
    assert RigAddress.parse(("sim:?seed=1",)) == RigAddress("sim:?seed=1")
    assert RigAddress.parse(("sharp=sim:a", "blurry=sim:b")) == RigAddress(
        "sim:b", "sim:a"
    )


def sharp_shots(session: Path) -> list[str]:
    return [
        pair.metadata["roles"]["sharp"]["sha256"]
        for pair in read_session(session).pairs
    ]


def test_pairs_of_one_scene_share_the_sharp_shot(tmp_path):
    shoot(tmp_path / "s", f"{TINY}&shift=0.5", SERIES, strictness="warn", repeat=2)
    session = read_session(tmp_path / "s")
    assert [pair.scene for pair in session.pairs] == ["scene-001"] * 4
    sharp = sharp_shots(tmp_path / "s")
    assert sharp[::2] == sharp[1::2], "the two apertures share it"
    assert len(set(sharp)) == 2, "repeats do not"
    first, second = (pair.metadata["roles"] for pair in session.pairs[:2])
    apertures = [shots["blurry"]["got"]["aperture"] for shots in (first, second)]
    assert apertures == ["f/4", "f/2.8"]
    assert second["blurry"]["got"]["shutter"] == "1/400", "the light is the same"
    assert first["sharp"]["shot_for"] is None
    assert second["sharp"]["shot_for"] == session.pairs[0].id
    assert second["anchor"]["sha256"] != sharp[1], "the repeat is a shot of its own"
    for pair in session.pairs:
        assert pair.truth_flow is not None
        assert read_image(pair.truth_image).shape == (
            *np.load(pair.defocus_map).shape,
            3,
        )
        assert not pair.blurry.stat().st_mode & 0o222, "no original can be written"
        measured = pair.metadata["quality"]["misalignment"]
        true = np.load(pair.truth_flow)[:, 48, 64]
        assert measured["shift_px"] == pytest.approx(true, abs=0.3)
        assert pair.metadata["exposure"]["residual_ev"] == pytest.approx(0.0, abs=1e-9)
    assert check_session(tmp_path / "s").ok


def test_a_sharp_shot_that_was_bad_is_not_lent(tmp_path):
    shoot(
        tmp_path / "s", f"{TINY}&fault=stuck-aperture@2", SERIES, code=1, retake="never"
    )
    assert verdicts(tmp_path / "s")[0] == "reject" != verdicts(tmp_path / "s")[1]
    assert entry(tmp_path / "s", 2)["roles"]["sharp"]["shot_for"] is None


def test_a_retake_has_a_sharp_shot_of_its_own(tmp_path):
    # the second blurry shot: sharp, blurry, anchor, blurry
    shoot(tmp_path / "s", f"{TINY}&fault=ev%3D1@4", SERIES, retake="auto")
    (rejected,) = (tmp_path / "s" / "rejected").iterdir()
    tried = json.loads((rejected / "pair.json").read_text())["roles"]["sharp"]
    assert tried["shot_for"] is not None
    assert len(set(sharp_shots(tmp_path / "s"))) == 2


def test_a_series_that_was_cut_short_is_resumed(tmp_path):
    with pytest.raises(CameraError):
        shoot(tmp_path / "s", f"{TINY}&fault=unplug@4", SERIES, strictness="warn")
    assert [pair.number for pair in read_state(tmp_path / "s")[0].incomplete] == [2]
    assert resume(tmp_path / "s", TINY) == 0
    second = entry(tmp_path / "s", 2)["roles"]
    assert second["blurry"]["got"] == {
        "aperture": "f/2.8",
        "shutter": "1/400",
        "iso": "100",
    }
    assert second["sharp"]["shot_for"] is None, "the scene may be another by now"


def test_apertures_of_a_series(run, refused):
    with open_camera("sim:") as camera:
        assert REQUEST.each(camera) == [REQUEST]
        with refused(InputError):
            SERIES.plan(camera)
    result = run(
        "defocus-capture", "plan", "--camera", "sim:", "--blurry", "f/4,f/2", "--json"
    )
    plans = [json.loads(line) for line in result.stdout.splitlines()]
    assert [plan["blurry"]["aperture"] for plan in plans] == ["f/4", "f/2"]
    assert plans[0]["sharp"] == plans[1]["sharp"]


def test_retries_end(tmp_path):
    uri = f"{TINY}&exposure_error=0.01&fault=wrong-aperture"
    shoot(tmp_path / "s", uri, REQUEST, retries=1, code=1)
    events = journalled(tmp_path / "s", "retake", "pair-complete")
    assert [record["event"] for record in events] == ["retake", "pair-complete"]
    assert verdicts(tmp_path / "s") == ["reject"]
    assert read_session(tmp_path / "s").pairs == ()


WIDE = QualityLimits(exposure_warn_ev=1.5, exposure_reject_ev=2.0)


@pytest.mark.parametrize(
    ("name", "option", "verdict"),
    [
        ("limits", WIDE, "accept"),
        ("strictness", "warn", "warn"),
        ("strictness", "off", "accept"),
    ],
)
def test_limits_and_strictness_are_the_persons(tmp_path, name, option, verdict):
    fault = f"{SMALL}&fault=ev%3D1@2"
    shoot(tmp_path / "s", fault, REQUEST, retake="never", **{name: option})
    assert verdicts(tmp_path / "s") == [verdict]
    assert ("exposure_residual_ev" in entry(tmp_path / "s")["quality"]) == (
        option != "off"
    )


def told_of(session: Path, *faults: str, **options: Any) -> list[tuple[str, str]]:
    """Shoot, and say what was journalled of which pair."""
    uri = TINY + "".join(f"&fault={quote(fault, safe='')}" for fault in faults)
    shoot(session, uri, BracketRequest(blurry="f/1.4", shutter="1/1600"), **options)
    return told(session)


def told(session: Path) -> list[tuple[str, str]]:
    lines = journalled(session, "pair-started", "pair-shot", "retake", "pair-complete")
    return [(record["event"], record["pair"][:4]) for record in lines]


@pytest.mark.full
def test_what_is_rejected_late_is_taken_again_before_its_scene_is_left(
    tmp_path, monkeypatch, capsys
):
    """The first verdict is held back until the next pair is shot."""
    judged, held = series.judge_pair, []

    def slow(shots: PairShots, *arguments: Any) -> Quality:
        if not held:
            held.append(shots)
            wait_until(lambda: ("pair-shot", "0002") in told(tmp_path / "s"))
        return judged(shots, *arguments)

    monkeypatch.setattr(series, "judge_pair", slow)
    events = told_of(tmp_path / "s", "ev=0.5@3", scenes=2, repeat=2, scene="Desk")
    assert events.index(("pair-shot", "0002")) < events.index(("retake", "0001"))
    assert events.index(("retake", "0001")) < events.index(("pair-started", "0003"))
    assert events.count(("pair-started", "0001")) == 2
    assert (
        "0001_desk-1  is taken again before scene 'Desk-1' is left"
        in capsys.readouterr().err
    )
    assert verdicts(tmp_path / "s") == ["accept"] * 4


def test_a_first_look_stops_the_photographer_at_once(tmp_path, capsys):
    """The grey card is held again, too; it is the first shot."""
    events = told_of(tmp_path / "s", "ev=1@3", repeat=2, grey_card=True)
    assert events.index(("retake", "0001")) < events.index(("pair-started", "0002"))
    assert "wait, the verdict is coming: exposure is off" in capsys.readouterr().err
    assert check_session(tmp_path / "s").ok
    assert entry(tmp_path / "s")["grey_card"] is not None
    for name in ("grey-card.tif", "blurry.tif"):
        assert (tmp_path / "s/rejected/0001_scene-001.1" / name).is_file()


def test_a_pair_is_not_repeated_where_the_next_would_be_the_same(tmp_path, capsys):
    limits = with_changes(
        ShootOptions().limits, "gradient_energy_warn=90,gradient_energy_reject=80"
    )
    events = told_of(tmp_path / "s", limits=limits, retake="auto", code=1)
    assert [event for event, _ in events] == [
        "pair-started",
        "pair-shot",
        "pair-complete",
    ]
    assert "another shot would show the same" in capsys.readouterr().err


@pytest.mark.full
def test_a_grey_card_in_each_scene(tmp_path):
    session = tmp_path / "session"
    shoot(session, f"{SMALL}&warmth=0.2", REQUEST, scenes=2, repeat=2, grey_card=True)
    cards = [entry(session, number)["grey_card"] for number in (1, 2, 3, 4)]
    assert [card is not None for card in cards] == [True, False, True, False]
    for card in (cards[0], cards[2]):
        assert card["white_balance"] == pytest.approx([1 / 1.2, 1.0, 1.2], rel=0.01)
        # f/4, 1/128 s is full
        assert card["level_ev"] == pytest.approx(-2 / 3, abs=0.02)
        assert not card["clipped"]
    assert (session / "pairs/0001_scene-001/grey-card.tif").is_file()
    assert check_session(session).ok


@pytest.mark.full
def test_pairs_keep_the_pace(tmp_path):
    uri = "sim:?width=64&height=64"
    shoot(tmp_path / "s", uri, REQUEST, repeat=2, every_seconds=1.5, strictness="off")
    records = journalled(tmp_path / "s", "pair-started")
    first, second = (datetime.fromisoformat(record["time"]) for record in records)
    assert (second - first).total_seconds() >= 1.4


def test_a_journal_without_modes_means_two_shots_blurry_first():
    """As an import writes it."""
    old = REQUEST.plan(open_camera("sim:")).to_json()
    for name in ("mode", "order", "focus_steps", "frames", "sharp_camera"):
        del old[name]
    kept = ShootRecord.model_validate(
        {**old, "max_seconds": 30.0, "settle_seconds": 0.0}
    )
    request = BracketRequest.from_shoot(kept)
    assert roles(request.plan(open_camera("sim:")).protocol) == ["blurry", "sharp"]
    assert kept.handling.retake == "never"
