"""Plans: depth of field, diffraction, size of a release, time, disk; settings files; simulate."""

import json
import math
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from defocus.capture.commands.plan import command as plan_command
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.profile import load_profile
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.checking import check_session
from defocus.capture.sessions.session import read_session
from defocus.capture.simulation.faults import Fault, parse_faults
from defocus.errors import InputError, SettingsError
from defocus.scene.thin_lens import (
    Lens,
    airy_diameter_px,
    circle_of_confusion_px,
    depth_of_field_mm,
    release_scale,
)

Run = Callable[..., subprocess.CompletedProcess[str]]

PLAN = ("--camera", "sim:", "--shutter", "1/200")


@given(
    focal=st.floats(10, 300),
    f_number=st.floats(1, 32),
    focus=st.floats(500, 20_000),
    allowed=st.floats(0.5, 20),
)
def test_at_the_limits_of_the_depth_of_field_the_blur_is_what_is_allowed(
    focal: float, f_number: float, focus: float, allowed: float
) -> None:
    lens = Lens(focal, f_number, focus, 5.0)
    near, far = depth_of_field_mm(lens, allowed)
    assert near < focus < far
    assert abs(float(circle_of_confusion_px(near, lens))) == pytest.approx(allowed, rel=1e-6)
    behind = float(circle_of_confusion_px(far, lens))
    if math.isinf(far):
        assert behind <= allowed * (1 + 1e-9)
    else:
        assert behind == pytest.approx(allowed, rel=1e-6)


def test_known_diameters_of_the_airy_disc_and_of_blur() -> None:
    """50 mm at 2 m, 5.36 um pitch, f/22: 5.5 px of diffraction, 7.2 px of blur at 1.2 m."""
    lens = Lens(50.0, 22.0, 2000.0, 5.36)
    assert airy_diameter_px(lens) == pytest.approx(5.5, abs=0.05)
    assert abs(float(circle_of_confusion_px(1200.0, lens))) == pytest.approx(7.2, abs=0.1)


def test_a_release_is_as_small_as_its_worst_spot_needs() -> None:
    lens = Lens(50.0, 22.0, 2000.0, 5.36)
    assert release_scale(lens, []) == pytest.approx(1 / airy_diameter_px(lens))
    blur = abs(float(circle_of_confusion_px(1200.0, lens)))
    assert release_scale(lens, [1900.0, 1200.0]) == pytest.approx(1 / blur)
    assert release_scale(lens, [1200.0], 2.0) == pytest.approx(2 / blur)
    assert release_scale(Lens(50.0, 4.0, 2000.0, 50.0), [2000.0]) == 1.0


def test_the_plan_of_the_command(run: Run) -> None:
    done = run(
        "defocus-capture", "plan", *PLAN, "--distances", "5", "--pairs", "10", "--settle", "2s",
        "--json",
    )  # fmt: skip
    plan = json.loads(done.stdout)
    assert [frame["role"] for frame in plan["frames"]] == ["sharp", "blurry", "anchor"]
    assert plan["residual_ev"] == pytest.approx(0.0, abs=1e-9)
    narrow = Lens(50.0, 2**4.5, 2000.0, 25.0)
    near, far = depth_of_field_mm(narrow)
    assert plan["depth_of_field"]["sharp"] == pytest.approx({"near_mm": near, "far_mm": far})
    blur = float(circle_of_confusion_px(5000.0, narrow))
    assert plan["release"]["size_px"] == [math.floor(640 / blur), math.floor(480 / blur)]
    assert plan["release"]["limit"] == "depth of field"
    shutters = 2 * 2 ** (-8 / 3) + 2 ** (-23 / 3)
    assert plan["duration_seconds"] == pytest.approx(10 * (shutters + 3 * (3.0 + 2.0)))
    assert plan["disk_bytes"] == 10 * 640 * 480 * (3 * 6 + 18)
    text = run("defocus-capture", "plan", *PLAN, "--pairs", "10").stdout
    for word in ("sharp zone", "release", "Airy disc", "10 pairs"):
        assert word in text


def test_a_plan_that_reaches_infinity_says_so_in_words() -> None:
    plan = BracketRequest("f/4", "f/22").plan(open_camera("sim:?width=192&height=144"))
    told = "\n".join(plan.lines())
    assert re.search(r"sharp \d\.\d\d m to infinity \(blur up to 1 px\)\n", told)
    assert "\nrelease     in full size\n" in told


@pytest.mark.parametrize(("mains", "flickers"), [(50, True), (60, True), (None, False)])
def test_short_times_under_flickering_lamps_are_noted(mains: int | None, flickers: bool) -> None:
    request = BracketRequest("f/4", "f/22", "1/160", mains_hz=mains)
    notes = request.plan(open_camera("sim:")).notes
    assert any("1/160" in note and "flicker" in note for note in notes) == flickers
    whole = BracketRequest("f/4", "f/22", "1/100", mains_hz=50).plan(open_camera("sim:"))
    assert whole.notes == ()


# --- settings files ---------------------------------------------------------------------------


def test_a_settings_file_gives_defaults_that_the_command_line_wins_over(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "lab.toml").write_text(
        '[shoot]\nblurry = "f/2.8"\nsharp = "f/16"\nmax-shutter = "2s"\ndistances = [1.5, 3]\n'
        'retake = "never"\n[quality]\nshift_warn_px = 1.0\n'
    )
    arguments = ("plan", *PLAN, "--settings", "lab.toml", "--json")
    plan = json.loads(run("defocus-capture", *arguments).stdout)
    assert (plan["blurry"]["aperture"], plan["sharp"]["aperture"]) == ("f/2.8", "f/16")
    assert [row["distance_mm"] for row in plan["circle_of_confusion"]] == [1500.0, 3000.0]
    plan = json.loads(run("defocus-capture", *arguments, "--blurry", "f/2").stdout)
    assert plan["blurry"]["aperture"] == "f/2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[shoot]\nblury = 'f/4'", "did you mean 'blurry'"),
        ("[quality]\nshift_wran_px = 1", "did you mean 'shift_warn_px'"),
        ("[quality]\nshift_warn_px = -1", "greater than 0"),
        ("[shots]\n", "did you mean 'shoot'"),
        ("[shoot]\ncamera = 'sim:'", "unknown key 'shoot.camera'"),
    ],
)
def test_wrong_keys_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=message):
        load_profile(path, ["blurry", "sharp", "max-shutter"])


def test_a_wrong_value_in_a_settings_file_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text("[shoot]\nmax-shutter = 'long'\n")
    done = run("defocus-capture", "plan", *PLAN, "--settings", "lab.toml")
    assert done.returncode == 2
    assert "'long' is not a number of seconds" in done.stderr


# --- the simulated camera ---------------------------------------------------------------------


def test_a_simulated_session_has_truth_and_faults(run: Run, tmp_path: Path) -> None:
    done = run(
        "defocus-capture", "shoot", "session", "--camera",
        "sim:?width=256&height=192&fault=ev=1@5", "--scenes", "2", "--retake", "never", "--yes",
        "--shutter", "1/200", "--json-lines",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert events.count("pair-complete") == 2
    good, bad = check_session(tmp_path / "session").pairs
    assert (good.verdict, bad.verdict) == ("accept", "reject")
    assert "exposure is off by +1.00 EV" in bad.reason
    (pair,) = read_session(tmp_path / "session").pairs
    assert pair.truth_flow is not None


def test_an_unknown_fault_is_refused_in_one_line(run: Run) -> None:
    camera = ("--camera", "sim:?fault=earthquake")
    done = run("defocus-capture", "shoot", "session", *camera, "--yes")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_faults_as_they_are_typed() -> None:
    assert parse_faults(["ev=-0.5@3", "stuck-aperture", "zoom"]).faults == (
        Fault("ev", (-0.5,), 3),
        Fault("stuck-aperture", (), None),
        Fault("zoom", (1.01,), None),
    )
    faults = parse_faults(["ev=1@2", "shift=3,-1", "dust=5@4"])
    assert [faults.number("ev", shot) for shot in (1, 2, 3)] == [None, 1.0, None]
    assert faults.numbers("shift", 7) == (3.0, -1.0)
    assert [faults.has("dust", shot) for shot in (3, 4, 5)] == [False, True, True]
    for wrong in ("ev", "ev=x", "stuck-aperture=1", "zoom=1,2", "unknown", "ev=1@", "@2", ""):
        with pytest.raises(InputError):
            parse_faults([wrong])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--iso", "9" * 5000], "iso '999"),
        (["--iso", "٤٠٠"], "iso '٤٠٠' cannot be read"),
        (["--shutter", "٣"], "shutter '٣' cannot be read"),
        (["--shutter", "9" * 5000], "cannot be read"),
        (["--blurry", "f/٤"], "aperture 'f/٤' cannot be read"),
        (["--mode", "focus", "--focus-steps", "9" * 20], "are not steps up to 99999"),
        (["--mode", "focus", "--focus-steps", "٤٠"], "are not steps"),
        (["--pixel-pitch", "1e308"], "0.01<=x<=1000"),
        (["--focus", "1e300"], "0.001<=x<=1000000"),
        (["--focal-length", "1e-300"], "0.1<=x<=100000"),
        (["--distances", "2,1e300"], "are not distances from 1 mm"),
        (["--distances", "1e-300"], "are not distances from 1 mm"),
    ],
)
def test_values_that_no_camera_has(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "10000")
    done = CliRunner().invoke(plan_command, ["--camera", "sim:", *arguments])
    if isinstance(done.exception, InputError):
        assert words in str(done.exception)
        assert len(str(done.exception)) < 300
    else:
        assert done.exit_code == 2
        assert words in done.output


def test_a_scheme_that_is_left_out_says_so() -> None:
    with pytest.raises(InputError, match="'genicam:1': GenICam cameras are left out"):
        open_camera("genicam:1")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (90, "1.5 minutes"), (7100, "118.3 minutes"), (7200, "2 hours"),
        (7260, "2 hours 1 minute"), (12 * 3600 + 1500, "12 hours 25 minutes"),
    ],
)  # fmt: skip
def test_a_long_series_is_told_in_hours(seconds: float, said: str) -> None:
    request = BracketRequest("f/4", "f/22", "1/200", settle_seconds=0.0)
    plan = request.plan(open_camera("sim:"))
    rest = (seconds - plan.duration_seconds(1)) / len(plan.protocol.frames)
    assert f"about {said} and" in replace(plan, settle_seconds=rest).lines(1)[-1]
