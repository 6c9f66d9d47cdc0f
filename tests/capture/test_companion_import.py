"""The geometry of a focus bracket on its way into a dataset: it is the companion's."""

import json
from pathlib import Path

import pytest

from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.session import read_session
from defocus.capture.taking.running import ShootOptions, shoot_new
from defocus.capture.taking.shots.rig import RigAddress
from defocus.datasets.deriving.import_session import import_sessions
from defocus.datasets.manifest import read_manifest


def test_the_geometry_of_the_companion_comes_into_the_manifest(tmp_path: Path) -> None:
    shoot_new(
        tmp_path / "s", RigAddress("sim:?seed=2&width=240&height=180"),
        BracketRequest("f/2.8", "f/22", "1/200", mode="focus", focus_steps=(-40,)),
        ShootOptions(retake="never", strictness="warn"),
        yes=True, json_lines=False, hook=None,
    )  # fmt: skip
    (pair,) = read_session(tmp_path / "s").pairs
    on_the_spot = pair.metadata["quality"]["misalignment"]
    assert (on_the_spot["measured_on"], on_the_spot["status"]) == ("companion", "ok")
    imported = import_sessions([tmp_path / "s"], tmp_path / "data")
    assert imported.unknown == ()
    (entry,) = read_manifest(tmp_path / "data").pairs
    measured = entry.metadata["measured_misalignment"]
    assert measured["measured_on"] == "companion"
    for name in ("status", "shift_px", "zoom", "rotation_deg", "measured_at_scale"):
        assert measured[name] == on_the_spot[name]
    assert measured["residual_px"] == {"median": None, "p95": None}
    true = json.loads((pair.blurry.parent / "truth" / "truth.json").read_text())["misalignment"]
    assert measured["zoom"] == pytest.approx(true["zoom"], abs=0.002)
    assert abs(true["zoom"] - 1.0) > 0.005, "the focus breathes"
