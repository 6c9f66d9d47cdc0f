"""Scripted bodies: every body that we wrote, with every fault that its script names."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from defocus.capture.body_abilities import HasCardSpace, RestsPreview
from defocus.capture.camera import FileKind, HasFocusMotor, HasPreview
from defocus.capture.commands import plan
from defocus.capture.inspecting.camera_checks import camera_findings
from defocus.capture.links.back_ends import open_camera
from defocus.capture.links.retries import with_retries
from defocus.capture.live import preview_pace
from defocus.capture.live.bench import ShootingThread
from defocus.capture.live.camera_slot import CameraSlot
from defocus.capture.live.scenes import SceneShooter
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.taking.resuming import resume_session
from defocus.capture.taking.shots import frames
from defocus.capture.taking.shots.rig import RigAddress, open_rig
from defocus.errors import CameraError, InputError
from defocus.reports.serving.feed import Feed
from tests.capture.scripted.body import BodyError, ScriptedBody
from tests.capture.scripted.faults import (
    EXPECTED,
    MOTOR,
    PREVIEW,
    begin,
    end,
    played_rightly,
    spare_of,
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
    resumed_with_another_card,
    shoot,
    watched,
    watched_with,
)
from tests.capture.scripted.script import Fault, read_script

OWN = sorted(BODIES.glob("*.txt"))
WITHOUT_MOTOR = {"no-target": "a body like Fujifilm's has no focus motor that we know"}
KINDS: tuple[FileKind | None, ...] = ("jpeg", "raw", "raw+jpeg", None)


@pytest.fixture(params=OWN, ids=lambda path: path.stem)
def plugged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Plugged:
    """Each body in turn."""
    return plug(monkeypatch, request.param)


@pytest.mark.parametrize("target", ALL_TARGETS)
@pytest.mark.parametrize("kind", KINDS)
def test_three_pairs(
    plugged: Plugged, kind: FileKind | None, target: Target, tmp_path: Path
) -> None:
    if kind not in kinds_of(plugged.body):
        pytest.skip(f"{_name(plugged)}: this body has no word for {kind or 'its format'}")
    if not aim(plugged.body, target):
        pytest.skip(f"{_name(plugged)}: this body has no target '{target}'")
    judged = target == "card"  # the pictures are the same wherever they lie
    assert shoot(tmp_path / "s", bracket_for(), kind, pairs=3, judged=judged) == 0
    checked(tmp_path / "s", plugged.body, 3)


def meetings(*kinds: Iterable[str], but: Mapping[str, str] | None = None) -> list[Any]:
    """Each body of ours with each fault of some kinds that its script names.

    Args:
        kinds: Names of faults.
        but: Bodies to which none of it applies, and why.
    """
    return [
        pytest.param(path, fault, id=f"{path.stem}-{fault}")
        for path in OWN
        for fault in read_script(path).faults
        if any(fault in kind for kind in kinds) and path.stem not in (but or {})
    ] + [
        pytest.param(None, "", id=name, marks=pytest.mark.skip(reason=f"{name}: {why}"))
        for name, why in (but or {}).items()
    ]


def test_every_fault_that_is_played_is_one_of_our_bodies() -> None:
    """So that each is met where the recorded bodies are not at hand, too."""
    named = {fault for path in OWN for fault in read_script(path).faults}
    assert named == {*EXPECTED, *MOTOR, *PREVIEW}


@pytest.mark.parametrize(("path", "fault"), meetings(EXPECTED))
def test_faults(
    path: Path,
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a fault, the pairs are right or there is one line that says what to do."""
    plugged = plug(monkeypatch, path)
    body, kinds = plugged.body, kinds_of(plugged.body)
    kind = "raw" if fault in ("words-lie", "duplicate-names") else kinds[-1]
    request, keep = bracket_for(fault=fault), fault != "hangs-at-delete"
    expected = begin(body, fault)
    if expected == "pairs":
        assert shoot(tmp_path / "s", request, kind, pairs=2, keep_on_camera=keep) == 0
        checked(tmp_path / "s", body, 2, spare=spare_of(fault))
        assert played_rightly(body, fault)
        return
    with pytest.raises((CameraError, InputError), match=expected):
        shoot(tmp_path / "s", request, kind, pairs=2)
    assert fault == "burst-mode" or played_rightly(body, fault)
    end(body, fault)
    if (tmp_path / "s").exists():  # once it is over, the session goes on where it stopped
        assert resume_session(tmp_path / "s", uris=(), yes=True, json_lines=False, hook=None) == 0
        capsys.readouterr()


@pytest.mark.full
@pytest.mark.parametrize(("path", "fault"), meetings(EXPECTED, MOTOR, but=WITHOUT_MOTOR))
def test_faults_in_a_focus_bracket(
    path: Path, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = plug(monkeypatch, path).body
    bracketed_with(body, fault, tmp_path / "s")
    assert fault not in MOTOR or played_rightly(body, fault)


@pytest.mark.full
@pytest.mark.parametrize(("path", "fault"), meetings(EXPECTED, PREVIEW))
def test_faults_in_a_live_view(
    path: Path, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = plug(monkeypatch, path).body
    watched_with(body, fault, tmp_path / "s", monkeypatch)
    assert fault not in PREVIEW or played_rightly(body, fault)


def test_resume(plugged: Plugged, tmp_path: Path) -> None:
    resumed_with_another_card(tmp_path / "s", plugged.body)


@pytest.mark.parametrize("setting", ["aperture", "shutterspeed", "iso", "imageformat"])
def test_a_setting_that_does_not_come_back_after_a_reconnect(
    setting: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is looked for, then named as gone with what to do; ``resume`` says so too, and goes on."""
    plugged = plug(monkeypatch, BODIES / "near-far.txt")
    body, request, connect = plugged.body, bracket_for(), ScriptedBody.connect
    cut = Fault("tree-truncated", names=(setting,))
    body.script.faults["tree-truncated"] = cut
    lost = Fault("capture-refused", codes=(-7,))
    body.script.faults["capture-refused"] = lost

    def connect_after_a_loss(self: ScriptedBody) -> None:
        connect(self)
        if self.shots:  # not when the session begins
            self.arm("tree-truncated")

    monkeypatch.setattr(ScriptedBody, "connect", connect_after_a_loss)
    monkeypatch.setattr(frames, "take_shot", _losing(frames.take_shot, body, after=3))
    gone = f"{setting} could be set before the camera was connected again, and is not there now; "
    with pytest.raises(CameraError, match=f"{gone}turn the camera off and on") as caught:
        shoot(tmp_path / "s", request, "jpeg", pairs=2)
    assert caught.value.exit_code == 4
    again = "(aperture|shutter|iso) could be set before .* set its dial to M if it was moved"
    if setting == "imageformat":
        again = "file format of this camera cannot be set; .* turn the camera off and on"
    with pytest.raises((CameraError, InputError), match=again):
        _resume(tmp_path / "s")
    assert re.search(f"{setting}.* is not there; looking again for 10 s", capsys.readouterr().err)
    body.script.faults["tree-truncated"] = replace(cut, seconds=5.0)
    assert _resume(tmp_path / "s") == 0
    checked(tmp_path / "s", body, 2, spare=1)


def test_settings_that_come_back_soon_after_a_reconnect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body is lost between two shots of a session, and its tree is short for five seconds."""
    plugged = plug(monkeypatch, BODIES / "near-far.txt")
    body, request = plugged.body, bracket_for()
    body.script.faults["capture-refused"] = Fault("capture-refused", codes=(-7,))
    body.arm("tree-truncated")
    monkeypatch.setattr(frames, "take_shot", _losing(frames.take_shot, body, after=1))
    started = plugged.started
    assert shoot(tmp_path / "s", request, "jpeg", pairs=2) == 0
    assert plugged.started > started + 1, "the body was not lost"
    checked(tmp_path / "s", body, 2)


def _losing(
    take_shot: Callable[..., object], body: ScriptedBody, *, after: int
) -> Callable[..., object]:
    """The same, but contact is lost once at the release after so many pictures."""

    def take(*given: object) -> object:
        if len(body.shots) == after:
            body.arm("capture-refused", 1)
        return take_shot(*given)

    return take


def _resume(session: Path) -> int:
    return resume_session(session, uris=(), yes=True, json_lines=False, hook=None)


def test_live(plugged: Plugged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched(tmp_path / "s", plugged.body, monkeypatch)


@pytest.mark.parametrize("fault", ["busy-release", "out-of-focus", "nothing-captured"])
def test_a_body_that_never_releases_says_why(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = {path.stem: path for path in OWN}
    body = {"busy-release": "near-far", "out-of-focus": "signed-steps"}.get(fault, "speeds")
    plugged = plug(monkeypatch, scripts[body])
    plugged.body.arm(fault)
    with pytest.raises(CameraError, match=r"autofocus finds nothing .set the lens to manual focus"):
        shoot(tmp_path / "s", bracket_for(), None)
    assert plugged.body.shots == []


def test_a_finger_on_the_body(
    plugged: Plugged, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What somebody takes between two sessions or during a shot is kept apart, and said."""
    request = bracket_for()
    plugged.body.press()
    plugged.body.press(after=1.0)
    assert shoot(tmp_path / "s", request, kinds_of(plugged.body)[-1], pairs=2) == 0
    checked(tmp_path / "s", plugged.body, 2)
    said = capsys.readouterr().err
    if plugged.body.target == "card":
        assert len(re.findall("somebody pressed the camera's own button", said)) >= 2


@pytest.mark.parametrize(
    ("name", "target"),
    [("near-far", "ram"), ("near-far", "card"), ("signed-steps", "ram"), ("speeds", "both")],
)
def test_a_finger_between_two_shots_is_kept_where_it_would_be_lost(
    name: str,
    target: Target,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
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
    said = capsys.readouterr().err
    where = "stays in /store_" if target == "card" else "kept in not-of-this-shot beside the shot"
    assert len(re.findall(f"somebody pressed the camera's own button; .*{where}", said)) == len(
        of_finger
    )


def test_focus_bracket(plugged: Plugged, tmp_path: Path) -> None:
    """With a motor the lens comes back to where it was; without one ``plan`` refuses already."""
    body = plugged.body
    request = bracket_for(mode="focus")
    with open_camera(URI) as camera:
        if not isinstance(camera, HasFocusMotor):
            with pytest.raises(InputError, match="has no focus motor that can be driven"):
                request.plan(camera)
            return
        request.plan(camera)
        body.arm("focus-drive-repeat-ignored")
        assert camera.move_focus(30) == 30
        assert body.focus == 30
        assert camera.move_focus(-30) == -30
        assert body.focus == 0
    assert body.true.get("viewfinder", "0") == "0"
    shoot(tmp_path / "s", request, kinds_of(body)[0])
    assert abs(body.focus) == 0


def test_a_motor_at_the_end_of_its_travel_says_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plugged = plug(monkeypatch, BODIES / "signed-steps.txt")
    with open_camera(URI) as camera:
        assert isinstance(camera, HasFocusMotor)
        assert camera.move_focus(1000) == 400
        assert camera.move_focus(1000) == 0
        assert camera.move_focus(-100) == -100
    assert plugged.body.focus == 300


def test_doctor(plugged: Plugged) -> None:
    with open_camera(URI) as camera:
        found = {point.name: point.status for point in camera_findings(camera)}
    assert found["camera"] == "ok"
    assert found["settings"] == "ok"
    sony = plugged.body.script.folder == ""
    assert ("card" in found) != sony, "a body in computer mode shows no card"
    assert found["capture-target"] == (
        "ok" if "capturetarget" in plugged.body.script.entries else "warn"
    )


def test_doctor_sees_a_dial_a_full_card_and_a_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    plugged = plug(monkeypatch, BODIES / "signed-steps.txt")
    plugged.body.put("expprogram", "P")
    plugged.body.put("capturemode", "Timer")
    plugged.body.arm("card-full")
    with open_camera(URI) as camera:
        found = {point.name: point for point in camera_findings(camera)}
    assert (found["settings"].status, found["settings"].detail) == (
        "fail",
        "the camera is in mode P",
    )
    assert found["drive-mode"].status == "warn"
    assert found["card"].status == "warn"
    assert found["autofocus"].status == "ok", "MF (fixed) is manual focus"


BURST_DIALS = {
    "a dial": ("signed-steps", "Burst"),
    "no other choice": ("speeds", "Continuous Low Speed"),
    "a timer for three": ("signed-steps", "Selftimer 10s 3 Pictures"),
}


@pytest.mark.parametrize("case", BURST_DIALS)
def test_a_burst_that_only_a_dial_ends_is_refused_by_everything(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``plan`` and ``shoot`` refuse it, ``doctor`` fails; nothing is left."""
    name, drive = BURST_DIALS[case]
    plugged = plug(monkeypatch, BODIES / f"{name}.txt")
    if case == "no other choice":
        plugged.body.narrow("capturemode", drive)
    plugged.body.put("capturemode", drive)
    asked = bracket_for()
    words = ["--camera", URI, "--blurry", asked.blurry, "--sharp", asked.sharp]
    refused = pytest.raises(InputError, match=f"capturemode is {drive}: each release takes several")
    with refused:
        plan.command.main(words, standalone_mode=False)
    with refused:
        shoot(tmp_path / "s", asked, None)
    assert not (tmp_path / "s").exists()
    with open_camera(URI) as camera:
        drives = [p.status for p in camera_findings(camera) if p.name == "drive-mode"]
    assert drives == ["fail"]
    assert plugged.body.shots == []


def test_a_burst_that_a_body_does_not_leave_is_refused_before_a_shot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the choice of single pictures, takes the order, and stays where it was."""
    plugged = plug(monkeypatch, BODIES / "speeds.txt")
    assert plugged.body.true["capturemode"] == "Burst"
    plugged.body.script.faults["set-ignored"] = Fault("set-ignored", names=("capturemode",))
    plugged.body.arm("set-ignored")
    with pytest.raises(InputError, match="capturemode is Burst: each release takes several"):
        shoot(tmp_path / "s", bracket_for(), None)
    assert plugged.body.shots == []


def test_a_mode_that_sets_the_aperture_itself_is_refused_before_a_shot(
    plugged: Plugged, tmp_path: Path
) -> None:
    request = bracket_for()
    words = {"near-far": ("autoexposuremode", "TV"), "few-entries": None}
    dial = words.get(_name(plugged), ("expprogram", "P"))
    if dial is None:
        return  # it does not say what its dial is at: its pictures will
    plugged.body.put(*dial)
    with pytest.raises(InputError, match="follows the camera's dial; set the dial to M"):
        shoot(tmp_path / "s", request, None)
    assert not (tmp_path / "s").exists()


def _name(plugged: Plugged) -> str:
    by_model = {read_script(path).model: path.stem for path in OWN}
    return by_model[plugged.body.script.model]


def test_live_pictures_fail_and_come_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A busy body, a picture, nobody who looks: the live view rests, and starts again."""
    plugged = plug(monkeypatch, BODIES / "signed-steps.txt")
    monkeypatch.setattr(preview_pace, "AGAIN_SECONDS", (0.0,))
    monkeypatch.setattr(preview_pace, "REST_SECONDS", 0.0)
    plugged.body.arm("preview-busy", 2)
    with open_session_folder(tmp_path / "s", create=True) as folder:
        feed = Feed()
        seat = CameraSlot(lambda: open_rig(RigAddress(URI)))
        bench = ShootingThread(folder, feed, seat, SceneShooter(bracket_for()))
        bench.take_camera()
        monkeypatch.setattr(Feed, "listeners", 1)
        for looked in ("trying again", "trying again", ""):
            bench._look()
            assert looked in bench._state.live_view
        assert bench._state.live_view == ""
        assert "preview" in feed._newest
        plugged.body.put("viewfinder", "1")  # a body's live view goes on by itself
        monkeypatch.setattr(Feed, "listeners", 0)
        bench._look()
        assert plugged.body.true["viewfinder"] == "0"
        seat.close()


@pytest.mark.parametrize(
    ("name", "fault"), [("near-far", "preview-not-ready"), ("signed-steps", "preview-needs-card")]
)
def test_a_live_picture_that_fails_is_no_shot_out_of_focus(
    name: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged = plug(monkeypatch, BODIES / f"{name}.txt")
    plugged.body.arm(fault, 1)
    with open_camera(URI) as camera:
        assert isinstance(camera, HasPreview)
        with pytest.raises(CameraError, match=r"libgphoto2 error -1\)$"):
            camera.preview()
        assert camera.preview()


WALKED_INTO: dict[str, tuple[str, Callable[[ScriptedBody], object]]] = {
    "focus-drive-needs-live-view": ("near-far", lambda b: b.write("manualfocusdrive", "Far 1")),
    "focus-drive-needs-mf": ("speeds", lambda b: b.write("manualfocus", "1")),
    "queue-not-drained": ("speeds", lambda b: (b.release(), b.release())),
    "bulb-needs-bulb": ("signed-steps", ScriptedBody.release),
    "local-control": ("no-target", lambda b: (b.connect(), b.release())),
}


@pytest.mark.parametrize("fault", WALKED_INTO)
def test_a_fault_that_we_avoid_meets_those_who_do_not(fault: str) -> None:
    """Else that nothing happened in the matrix would say nothing."""
    name, order = WALKED_INTO[fault]
    body = ScriptedBody(read_script(BODIES / f"{name}.txt"))
    begin(body, fault)
    with pytest.raises(BodyError):
        order(body)
    assert fault in body.armed.played


def test_faults_without_an_error_that_we_avoid_meet_those_who_do_not() -> None:
    near_far, sony, nikon, fuji = (
        ScriptedBody(read_script(BODIES / f"{name}.txt"))
        for name in ("near-far", "speeds", "signed-steps", "no-target")
    )
    near_far.put("viewfinder", "1")
    begin(near_far, "focus-drive-repeat-ignored")
    for _ in range(2):
        near_far.write("manualfocusdrive", "Far 1")
    assert near_far.focus == 1
    begin(sony, "set-same-toggles")
    sony.put("iso", "200")
    sony.write("iso", "200")
    assert sony.true["iso"] == "Auto ISO"
    nikon.put("autofocus", "On")
    begin(nikon, "no-autofocus-on-capture")
    nikon.release()
    begin(nikon, "autofocus-off-ignored")
    nikon.write("autofocus", "Off")
    assert nikon.true["autofocus"] == "On"
    assert "no-autofocus-on-capture" in nikon.armed.played
    begin(fuji, "lamp-blinks-until-all-fetched")
    for _ in range(2):
        fuji.release()
    assert fuji.armed.played == {"lamp-blinks-until-all-fetched"}


def test_a_dial_at_bulb_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who sets no time gets to know why there is no picture."""
    body = plug(monkeypatch, BODIES / "signed-steps.txt").body
    begin(body, "bulb-needs-bulb")
    with open_camera(URI) as camera, pytest.raises(CameraError, match="or its time is Bulb"):
        camera.shoot(tmp_path / "a")
    assert body.shots == []


def test_a_slot_that_is_empty_is_shown_beside_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    begin(plug(monkeypatch, BODIES / "signed-steps.txt").body, "two-slots")
    with open_camera(URI) as camera:
        assert isinstance(camera, HasCardSpace)
        assert [card.folder for card in camera.cards()] == ["/store_00010001", "/store_00020001"]


def test_a_burst_hands_out_old_pictures() -> None:
    """What the refusal is for: the second file is of the first release."""
    body = ScriptedBody(read_script(BODIES / "signed-steps.txt"))
    begin(body, "burst-mode")
    places = [body.release(), body.release()]
    assert len(body.shots) == 6
    assert [n for n, shot in enumerate(body.shots) if set(places) & set(shot.files)] == [0, 1]


@pytest.mark.parametrize("code", [-7, -1])
def test_live_pictures_between_shots(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second release after live pictures fails until the body is opened anew."""
    plugged = plug(monkeypatch, BODIES / "speeds.txt")
    faults = plugged.body.script.faults
    faults["capture-after-preview"] = replace(faults["capture-after-preview"], codes=(code,))
    plugged.body.arm("capture-after-preview")
    with open_camera(URI) as camera:
        assert isinstance(camera, HasPreview)
        for number in range(3):
            assert camera.preview()
            with_retries(lambda n=number: camera.shoot(tmp_path / str(n)), print)  # type: ignore[misc]
    assert plugged.started > 2
    assert len(plugged.body.shots) == 3
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 3


def test_a_body_that_is_busy_after_its_live_view_until_it_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged = plug(monkeypatch, BODIES / "near-far.txt")
    plugged.body.arm("busy-after-preview")
    with open_camera(URI) as camera:
        assert isinstance(camera, HasPreview)
        assert isinstance(camera, RestsPreview)
        assert camera.preview()
        plugged.body.put("viewfinder", "1")
        camera.rest_preview()
        with pytest.raises(CameraError, match="after a live view, switch the camera off and on"):
            with_retries(lambda: camera.shoot(tmp_path / "a"), print)
        with pytest.raises(CameraError, match="switch the camera off and on"):
            camera.preview()
        assert plugged.body.shots == []
        plugged.body.arm("busy-after-preview", 0)  # switched off and on
        with_retries(lambda: camera.shoot(tmp_path / "a"), print)
    assert len(plugged.body.shots) == 1


def test_steps_that_are_too_small_are_no_end_of_the_travel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plugged = plug(monkeypatch, BODIES / "signed-steps.txt")
    plugged.body.arm("focus-drive-too-small")
    with open_camera(URI) as camera:
        assert isinstance(camera, HasFocusMotor)
        assert [camera.move_focus(steps) for steps in (53, -3, 340)] == [53, -3, 340]
        assert plugged.body.focus == 390
        assert camera.move_focus(20) == 0, "the travel ends within them"
        assert (camera.move_focus(5), plugged.body.focus) == (0, 400)


def test_a_motor_whose_entry_is_gone_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    plugged = plug(monkeypatch, BODIES / "speeds.txt")
    plugged.body.put("focusmode", "Manual")
    with open_camera(URI) as camera:
        assert isinstance(camera, HasFocusMotor)
        begin(plugged.body, "config-vanishes")
        assert camera.move_focus(3) == 3
    assert played_rightly(plugged.body, "config-vanishes")


def test_the_computer_has_priority_while_it_shoots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sony's word for who may set the body; afterwards its buttons are the photographer's again."""
    plugged = plug(monkeypatch, BODIES / "speeds.txt")
    assert plugged.body.true["prioritymode"] == "Camera"
    with open_camera(URI) as camera:
        camera.shoot(tmp_path / "a")
        assert plugged.body.true["prioritymode"] == "Application"
    assert plugged.body.true["prioritymode"] == "Camera"


def test_network_bodies_get_an_answer() -> None:
    for uri in ("ptpip:192.168.1.5", "gphoto2:ptpip:192.168.1.5"):
        with pytest.raises(InputError, match="connect it by USB"):
            open_camera(uri)


def test_pictures_in_memory_are_no_pictures_on_a_card(plugged: Plugged, tmp_path: Path) -> None:
    """Names in memory start anew with each process: they must not be fetched or deleted later."""
    target: Target = "ram" if aim(plugged.body, "ram") else "card"
    with open_camera(URI) as camera:
        camera.shoot(tmp_path / "a")
        assert bool(camera.on_card) == (target == "card")  # type: ignore[attr-defined]
    assert not list(tmp_path.glob("*.json"))
