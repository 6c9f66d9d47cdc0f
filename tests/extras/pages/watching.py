"""The live view of a scripted body, and shots from the page."""

import re
from pathlib import Path

import pytest

from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.taking.shots.rig import RigAddress, open_rig
from defocus.errors import CameraError, InputError
from defocus.extras.pages.live import preview_pace
from defocus.extras.pages.live.bench import ShootingThread
from defocus.extras.pages.live.camera_slot import CameraSlot
from defocus.extras.pages.live.scenes import SceneShooter
from defocus.extras.pages.serving.feed import Feed
from tests.capture.scripted.body import ScriptedBody
from tests.capture.scripted.faults import PAIRS, begin, end, spare_of
from tests.capture.scripted.scenarios import URI, bracket_for, checked, quickest


def watched(
    root: Path, body: ScriptedBody, monkeypatch: pytest.MonkeyPatch, fault: str = ""
) -> None:
    """Look at the live view as far as there is one, shoot from the page, and do both again.

    With a fault the pair is right, or the page says what to do, and the next try goes on once it
    is over.
    """
    request = bracket_for(fault=fault)
    kind = quickest(body, fault) if fault else None
    options = ShootOptions(retake="never", strictness="off", files=kind)
    monkeypatch.setattr(preview_pace, "AGAIN_SECONDS", (0.0,))
    monkeypatch.setattr(preview_pace, "REST_SECONDS", 0.0)
    expected = begin(body, fault) if fault else PAIRS
    spare, pairs = spare_of(fault), 1 if fault else 2
    with open_session_folder(root, create=True) as folder:
        seat = CameraSlot(lambda: open_rig(RigAddress(URI)))
        bench = ShootingThread(folder, Feed(), seat, SceneShooter(request, options))
        said = _taken_from_page(bench, monkeypatch)
        if expected == PAIRS:
            assert said == "", said
        else:
            assert re.search(expected, said), said or "nothing was said"
            end(body, fault)
            spare = len(body.shots)
        if expected != PAIRS or pairs == 2:
            assert _taken_from_page(bench, monkeypatch) == ""
        if fault:
            end(body, fault)
        monkeypatch.setattr(Feed, "listeners", 1)
        bench._look()
        has_view = "preview" in body.script.abilities
        assert ("preview" in bench.feed._newest) == has_view
        assert ("no live picture" in bench._state.live_view) != has_view
        seat.close()
    checked(root, body, pairs, spare=spare)


def _taken_from_page(bench: ShootingThread, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take the camera, look, look away and shoot; what the page then says of a problem."""
    try:
        bench.take_camera()
    except (CameraError, InputError) as error:
        bench._lose_camera(error)
        return str(error)
    for listeners in (1, 1, 1, 0):
        monkeypatch.setattr(Feed, "listeners", listeners)
        bench._look()
        if bench._state.camera_problem:
            return bench._state.camera_problem
    bench.ask("shoot", {})
    bench._do(*bench._tasks.get_nowait())
    return bench._state.camera_problem or bench._state.problem
