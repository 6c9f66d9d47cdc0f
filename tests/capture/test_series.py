"""Several wide apertures of one scene: one sharp shot, a pair for each."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from defocus.capture.cameras.sim import open_camera
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.checking import check_session
from defocus.capture.sessions.journal import Journal, Record
from defocus.capture.sessions.session import read_session, read_state
from defocus.capture.taking.resuming import resume_session
from defocus.capture.taking.running import ShootOptions, shoot_new
from defocus.capture.taking.shots.rig import RigAddress
from defocus.errors import CameraError, InputError
from tests.conftest import Run

TINY = "sim:?seed=2&width=128&height=96&shift=0.5"
REQUEST = BracketRequest("f/4,f/2.8", "f/22", "1/200")
OPTIONS = ShootOptions(retake="never", strictness="warn")


def shot(session: Path, uri: str = TINY, options: ShootOptions = OPTIONS) -> int:
    return shoot_new(
        session, RigAddress(uri), REQUEST, options, yes=True, json_lines=False, hook=None
    )


def entry(session: Path, pair: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((session / "pairs" / pair / "pair.json").read_text())
    return document


def sharp_shots(session: Path) -> list[str]:
    return [pair.metadata["roles"]["sharp"]["sha256"] for pair in read_session(session).pairs]


def test_pairs_of_one_scene_share_the_sharp_shot(tmp_path: Path) -> None:
    assert shot(tmp_path / "s", options=replace(OPTIONS, repeat=2)) == 0
    session = read_session(tmp_path / "s")
    assert [pair.scene for pair in session.pairs] == ["scene-001"] * 4
    sharp = sharp_shots(tmp_path / "s")
    assert sharp[::2] == sharp[1::2], "the two apertures share it"
    assert len(set(sharp)) == 2, "repeats do not"
    first, second = (pair.metadata["roles"] for pair in session.pairs[:2])
    assert (first["blurry"]["got"]["aperture"], second["blurry"]["got"]["aperture"]) == (
        "f/4", "f/2.8",
    )  # fmt: skip
    assert second["blurry"]["got"]["shutter"] == "1/400", "the light is the same"
    assert first["sharp"]["shot_for"] is None
    assert second["sharp"]["shot_for"] == session.pairs[0].id
    assert second["anchor"]["sha256"] != second["sharp"]["sha256"], (
        "the repeat is a shot of its own"
    )
    for pair in session.pairs:
        assert pair.truth_flow is not None
        measured = pair.metadata["quality"]["misalignment"]
        true = np.load(pair.truth_flow)[:, 48, 64]
        assert measured["shift_px"] == pytest.approx(true, abs=0.3)
        assert pair.metadata["exposure"]["residual_ev"] == pytest.approx(0.0, abs=1e-9)
    assert check_session(tmp_path / "s").ok


def test_a_sharp_shot_that_was_bad_is_not_lent(tmp_path: Path) -> None:
    uri = f"{TINY}&fault=stuck-aperture@2"
    assert shot(tmp_path / "s", uri, ShootOptions(retake="never")) == 1
    first, second = check_session(tmp_path / "s").pairs
    assert first.verdict == "reject" != second.verdict
    assert entry(tmp_path / "s", second.id)["roles"]["sharp"]["shot_for"] is None


def test_a_retake_has_a_sharp_shot_of_its_own(tmp_path: Path) -> None:
    uri = f"{TINY}&fault=ev%3D1@4"  # the second blurry shot: sharp, blurry, anchor, blurry
    assert shot(tmp_path / "s", uri, ShootOptions(retake="auto")) == 0
    (rejected,) = (tmp_path / "s" / "rejected").iterdir()
    tried = json.loads((rejected / "pair.json").read_text())["roles"]["sharp"]
    assert tried["shot_for"] is not None
    assert len(set(sharp_shots(tmp_path / "s"))) == 2


def test_a_series_that_was_cut_short_is_resumed(tmp_path: Path) -> None:
    with pytest.raises(CameraError):
        shot(tmp_path / "s", f"{TINY}&fault=unplug@4", replace(OPTIONS, scene="desk"))
    state = read_state(tmp_path / "s")[0]
    assert [pair.id for pair in state.incomplete] == ["0002_desk"]
    assert resume_session(tmp_path / "s", uris=(TINY,), yes=True, json_lines=False, hook=None) == 0
    second = entry(tmp_path / "s", "0002_desk")["roles"]
    assert second["blurry"]["got"] == {"aperture": "f/2.8", "shutter": "1/400", "iso": "100"}
    assert second["sharp"]["shot_for"] is None, "the scene may be another by now"


def test_a_kill_while_it_is_planned_loses_no_aperture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Journal.append

    def killed(journal: Journal, event: str, **fields: Any) -> Record:
        record = append(journal, event, **fields)
        if event == "planned":
            raise SystemExit("killed")
        return record

    monkeypatch.setattr(Journal, "append", killed)
    with pytest.raises(SystemExit):
        shot(tmp_path / "s", options=replace(OPTIONS, repeat=2))
    monkeypatch.undo()
    assert len(read_state(tmp_path / "s")[0].incomplete) == 4
    assert resume_session(tmp_path / "s", uris=(), yes=True, json_lines=False, hook=None) == 0
    pairs = read_session(tmp_path / "s").pairs
    apertures = [pair.metadata["roles"]["blurry"]["got"]["aperture"] for pair in pairs]
    assert apertures == ["f/4", "f/2.8"] * 2
    sharp = sharp_shots(tmp_path / "s")
    assert sharp[::2] == sharp[1::2], "the sharp shot is shared as if nothing had happened"
    assert len(set(sharp)) == 2


def test_apertures_that_make_no_series() -> None:
    with open_camera("sim:") as camera:
        one = BracketRequest("f/4", "f/22", "1/200")
        assert one.each(camera) == [one]
        with pytest.raises(InputError, match="names an aperture twice"):
            replace(one, blurry="f/4, 4").each(camera)
        with pytest.raises(InputError, match="cannot be read"):
            replace(one, blurry="f/4,").each(camera)
        with pytest.raises(InputError, match="'shoot' takes several"):
            REQUEST.plan(camera)


def test_the_plan_has_every_aperture(run: Run) -> None:
    done = run("defocus-capture", "plan", "--camera", "sim:", "--blurry", "f/4,f/2", "--json")
    plans = [json.loads(line) for line in done.stdout.splitlines()]
    assert [plan["blurry"]["aperture"] for plan in plans] == ["f/4", "f/2"]
    assert plans[0]["sharp"] == plans[1]["sharp"]
