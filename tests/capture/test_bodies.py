"""Scripted bodies: every body that we wrote, with every fault that its script names."""

import re
from dataclasses import replace
from typing import Any

import pytest

from defocus.capture.camera import FileKind, HasCardSpace, HasFocusMotor
from defocus.capture.commands import plan
from defocus.capture.doctor import camera_findings
from defocus.capture.links.back_ends import open_camera
from defocus.capture.taking.shots import frames
from defocus.errors import CameraError, InputError
from tests.capture.scripted.armed import FOR_EVER
from tests.capture.scripted.body import ScriptedBody
from tests.capture.scripted.faults import (
    EXPECTED,
    MOTOR,
    PREVIEW,
    begin,
    end,
    played_rightly,
)
from tests.capture.scripted.plugging import BODIES, Plugged, plug
from tests.capture.scripted.scenarios import (
    ALL_TARGETS,
    URI,
    Target,
    aim,
    bracket_for,
    bracketed_with,
    checked,
    kinds_of,
    meetings,
    shoot,
    shot_with,
)
from tests.capture.scripted.script import Fault, read_script
from tests.capture.shooting import resume

OWN = sorted(BODIES.glob("*.txt"))
WITHOUT_MOTOR = {"no-target": "a body like Fujifilm's has no focus motor that we know"}
KINDS: tuple[FileKind | None, ...] = ("jpeg", "raw", "raw+jpeg", None)


@pytest.fixture(params=OWN, ids=lambda path: path.stem)
def plugged(request, monkeypatch):
    """Each body in turn."""
    return plug(monkeypatch, request.param)


@pytest.mark.parametrize("target", ALL_TARGETS)
@pytest.mark.parametrize("kind", KINDS)
def test_three_pairs(plugged, kind, target, tmp_path):
    if kind not in kinds_of(plugged.body):
        pytest.skip(
            f"{_name(plugged)}: this body has no word for {kind or 'its format'}"
        )
    if not aim(plugged.body, target):
        pytest.skip(f"{_name(plugged)}: this body has no target '{target}'")
    judged = target == "card"  # the pictures are the same wherever they lie
    shoot(tmp_path / "s", bracket_for(), kind, pairs=3, judged=judged)
    checked(tmp_path / "s", plugged.body, 3)


def test_every_fault_that_is_played_is_one_of_our_bodies():
    """So that each is met where the recorded bodies are not at hand, too."""
    named = {fault for path in OWN for fault in read_script(path).faults}
    assert named == {*EXPECTED, *MOTOR, *PREVIEW}


@pytest.mark.parametrize(("path", "fault"), meetings(OWN, EXPECTED))
def test_faults(path, fault, tmp_path, monkeypatch):
    """With a fault, the pairs are right or there is one line that says what to do."""
    body = plug(monkeypatch, path).body
    if shot_with(body, fault, tmp_path / "s", pairs=2):
        assert played_rightly(body, fault)
        return
    assert fault == "burst-mode" or played_rightly(body, fault)
    end(body, fault)
    if (
        tmp_path / "s"
    ).exists():  # once it is over, the session goes on where it stopped
        assert resume(tmp_path / "s") == 0


@pytest.mark.full
@pytest.mark.parametrize(
    ("path", "fault"), meetings(OWN, EXPECTED, MOTOR, but=WITHOUT_MOTOR)
)
def test_faults_in_a_focus_bracket(path, fault, tmp_path, monkeypatch):
    body = plug(monkeypatch, path).body
    bracketed_with(body, fault, tmp_path / "s")
    assert fault not in MOTOR or played_rightly(body, fault)


def test_a_full_card_in_the_middle_of_a_pair(plugged, tmp_path, refused):
    plugged.body.room = 3
    with refused(CameraError):
        shoot(tmp_path / "s", bracket_for(), kinds_of(plugged.body)[-1], pairs=2)
    plugged.body.room = FOR_EVER
    assert resume(tmp_path / "s") == 0
    checked(tmp_path / "s", plugged.body, 2, spare=1)


@pytest.mark.parametrize("setting", ["aperture", "shutterspeed", "iso", "imageformat"])
def test_a_setting_that_does_not_come_back_after_a_reconnect(
    setting, tmp_path, monkeypatch, capsys, refused
):
    """It is looked for, then named as gone with what to do; ``resume`` says so too, and goes on."""
    body, request = plug(monkeypatch, BODIES / "near-far.txt").body, bracket_for()
    take_shot, connect = frames.take_shot, ScriptedBody.connect
    cut = Fault("tree-truncated", names=(setting,))
    body.script.faults["tree-truncated"] = cut
    body.script.faults["capture-refused"] = Fault("capture-refused", codes=(-7,))

    def connect_after_a_loss(self: ScriptedBody) -> None:
        connect(self)
        if self.shots:  # not when the session begins
            self.arm("tree-truncated")

    def losing(*given: Any) -> object:
        if len(body.shots) == 3:
            body.arm("capture-refused", 1)
        return take_shot(*given)

    monkeypatch.setattr(ScriptedBody, "connect", connect_after_a_loss)
    monkeypatch.setattr(frames, "take_shot", losing)
    with refused(CameraError) as caught:
        shoot(tmp_path / "s", request, "jpeg", pairs=2)
    assert caught.value.exit_code == 4
    with refused((CameraError, InputError)):
        resume(tmp_path / "s")
    assert re.search(
        f"{setting}.* is not there; looking again for 10 s", capsys.readouterr().err
    )
    body.script.faults["tree-truncated"] = replace(cut, seconds=5.0)
    assert resume(tmp_path / "s") == 0
    checked(tmp_path / "s", body, 2, spare=1)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("near-far", "busy-release"),
        ("signed-steps", "out-of-focus"),
        ("speeds", "nothing-captured"),
    ],
)
def test_a_body_that_never_releases_says_why(
    name, fault, tmp_path, monkeypatch, refused
):
    body = plug(monkeypatch, BODIES / f"{name}.txt").body
    body.arm(fault)
    with refused(CameraError):
        shoot(tmp_path / "s", bracket_for(), None)
    assert body.shots == []


def test_a_finger_on_the_body(plugged, tmp_path, capsys):
    """What somebody takes between two sessions or during a shot is kept apart, and said."""
    request = bracket_for()
    plugged.body.press()
    plugged.body.press(after=1.0)
    shoot(tmp_path / "s", request, kinds_of(plugged.body)[-1], pairs=2)
    checked(tmp_path / "s", plugged.body, 2)
    said = capsys.readouterr().err
    if plugged.body.target == "card":
        assert len(re.findall("somebody pressed the camera's own button", said)) >= 2


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("near-far", "ram"),
        ("near-far", "card"),
        ("signed-steps", "ram"),
        ("speeds", "both"),
    ],
)
def test_a_finger_between_two_shots_is_kept_where_it_would_be_lost(
    name, target, tmp_path, monkeypatch, capsys
):
    """In the camera's memory a picture ends with the process: it is fetched, and said."""
    body = plug(monkeypatch, BODIES / f"{name}.txt").body
    assert aim(body, target)
    with open_camera(URI) as camera:
        camera.shoot(tmp_path / "a")
        body.press()
        body.now += 10.0
        parts = camera.shoot(tmp_path / "b")
    fingers = [n for n, shot in enumerate(body.shots) if shot.by == "finger"]
    of_finger = {content for n in fingers for content in body.contents[n]}
    kept = {path.read_bytes() for path in tmp_path.glob("not-of-this-shot/*")}
    assert kept == (of_finger if target != "card" else set())
    assert not of_finger & {part.read_bytes() for part in parts}
    where = (
        "stays in /store_"
        if target == "card"
        else "kept in not-of-this-shot beside the shot"
    )
    messages = re.findall(
        f"somebody pressed the camera's own button; .*{where}", capsys.readouterr().err
    )
    assert len(messages) == len(of_finger)


def test_focus_bracket(plugged, tmp_path, refused):
    """With a motor the lens comes back to where it was; without one ``plan`` refuses already."""
    body = plugged.body
    request = bracket_for(mode="focus")
    with open_camera(URI) as camera:
        if not isinstance(camera, HasFocusMotor):
            with refused(InputError):
                request.plan(camera)
            return
        body.arm("focus-drive-repeat-ignored")
        for steps, place in ((30, 30), (-30, 0)):
            assert (camera.move_focus(steps), body.focus) == (steps, place)
    assert body.true.get("viewfinder", "0") == "0"
    shoot(tmp_path / "s", request, kinds_of(body)[0])
    assert body.focus == 0


def test_a_motor_at_the_end_of_its_travel_says_how_far_it_came(monkeypatch):
    """Steps that are too small for the motor are no end."""
    body = plug(monkeypatch, BODIES / "signed-steps.txt").body
    with open_camera(URI) as camera:
        assert [camera.move_focus(steps) for steps in (1000, 1000, -100, -300)] == [
            400,
            0,
            -100,
            -300,
        ]
        body.arm("focus-drive-too-small")
        assert [camera.move_focus(steps) for steps in (53, -3, 340)] == [53, -3, 340]
        assert body.focus == 390
        assert camera.move_focus(20) == 0, "the travel ends within them"
        assert (camera.move_focus(5), body.focus) == (0, 400)


def test_doctor(plugged):
    with open_camera(URI) as camera:
        statuses = {point.name: point.status for point in camera_findings(camera)}
    assert (statuses["camera"], statuses["settings"]) == ("ok", "ok")
    sony = plugged.body.script.folder == ""
    assert ("card" in statuses) != sony, "a body in computer mode shows no card"
    has_target = "capturetarget" in plugged.body.script.entries
    assert statuses["capture-target"] == ("ok" if has_target else "warn")


def test_doctor_sees_a_dial_a_full_card_and_a_burst(monkeypatch):
    body = plug(monkeypatch, BODIES / "signed-steps.txt").body
    body.put("expprogram", "P")
    body.put("capturemode", "Timer")
    body.arm("card-full")
    with open_camera(URI) as camera:
        points = {point.name: point for point in camera_findings(camera)}
    assert points["settings"].detail == "the camera is in mode P"
    statuses = [
        points[name].status for name in ("settings", "drive-mode", "card", "autofocus")
    ]
    assert statuses == ["fail", "warn", "warn", "ok"], "MF (fixed) is manual focus"


@pytest.mark.parametrize(
    ("name", "drive"),
    [
        ("signed-steps", "Burst"),
        ("speeds", "Continuous Low Speed"),
        ("signed-steps", "Selftimer 10s 3 Pictures"),
    ],
)
def test_a_burst_that_only_a_dial_ends_is_refused_by_everything(
    name, drive, tmp_path, monkeypatch, refused
):
    """``plan`` and ``shoot`` refuse it, ``doctor`` fails; nothing is left."""
    body = plug(monkeypatch, BODIES / f"{name}.txt").body
    if name == "speeds":
        body.narrow("capturemode", drive)  # no other choice
    body.put("capturemode", drive)
    asked = bracket_for()
    words = ["--camera", URI, "--blurry", asked.blurry, "--sharp", asked.sharp]
    with refused(InputError):
        plan.command.main(words, standalone_mode=False)
    with refused(InputError):
        shoot(tmp_path / "s", asked, None)
    assert not (tmp_path / "s").exists()
    with open_camera(URI) as camera:
        drives = [p.status for p in camera_findings(camera) if p.name == "drive-mode"]
    assert drives == ["fail"]
    assert body.shots == []


def test_a_burst_that_a_body_does_not_leave_is_refused_before_a_shot(
    tmp_path, monkeypatch, refused
):
    """It has the choice of single pictures, takes the order, and stays where it was."""
    body = plug(monkeypatch, BODIES / "speeds.txt").body
    assert body.true["capturemode"] == "Burst"
    body.script.faults["set-ignored"] = Fault("set-ignored", names=("capturemode",))
    body.arm("set-ignored")
    with refused(InputError):
        shoot(tmp_path / "s", bracket_for(), None)
    assert body.shots == []


def test_a_mode_that_sets_the_aperture_itself_is_refused_before_a_shot(
    plugged, tmp_path, refused
):
    request = bracket_for()
    if _name(plugged) == "few-entries":
        return  # it does not say what its dial is at: its pictures will
    canon = _name(plugged) == "near-far"
    plugged.body.put(*(("autoexposuremode", "TV") if canon else ("expprogram", "P")))
    with refused(InputError):
        shoot(tmp_path / "s", request, None)
    assert not (tmp_path / "s").exists()


def _name(plugged: Plugged) -> str:
    by_model = {read_script(path).model: path.stem for path in OWN}
    return by_model[plugged.body.script.model]


def test_a_dial_at_bulb_is_named(tmp_path, monkeypatch, refused):
    """One who sets no time gets to know why there is no picture."""
    body = plug(monkeypatch, BODIES / "signed-steps.txt").body
    begin(body, "bulb-needs-bulb")
    with open_camera(URI) as camera, refused(CameraError):
        camera.shoot(tmp_path / "a")
    assert body.shots == []


def test_a_slot_that_is_empty_is_shown_beside_the_other(monkeypatch):
    begin(plug(monkeypatch, BODIES / "signed-steps.txt").body, "two-slots")
    with open_camera(URI) as camera:
        assert isinstance(camera, HasCardSpace)
        assert [card.folder for card in camera.cards()] == [
            "/store_00010001",
            "/store_00020001",
        ]


def test_the_computer_has_priority_while_it_shoots(tmp_path, monkeypatch):
    """Sony's word for who may set the body; afterwards its buttons are the photographer's again."""
    body = plug(monkeypatch, BODIES / "speeds.txt").body
    assert body.true["prioritymode"] == "Camera"
    with open_camera(URI) as camera:
        camera.shoot(tmp_path / "a")
        assert body.true["prioritymode"] == "Application"
    assert body.true["prioritymode"] == "Camera"


def test_pictures_in_memory_are_no_pictures_on_a_card(plugged, tmp_path):
    """Names in memory start anew with each process: they must not be fetched or deleted later."""
    target: Target = "ram" if aim(plugged.body, "ram") else "card"
    with open_camera(URI) as camera:
        camera.shoot(tmp_path / "a")
        assert bool(camera.on_card) == (target == "card")  # type: ignore[attr-defined]
    assert not list(tmp_path.glob("*.json"))
