"""Options of the commands that have no place elsewhere."""

import json
import shutil
from pathlib import Path

import pytest

from defocus.capture.cameras.sim import SimulatedCamera
from defocus.capture.judging.limits import LIMITS, SHORT_NAMES, QualityLimits, with_changes
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.sessions.session import read_session, read_state
from defocus.capture.simulation.options import SimulatedOptions
from defocus.capture.taking.running import ShootOptions, make_ready
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.errors import InputError, SettingsError
from tests.conftest import Run

TINY = "sim:?width=96&height=64&seed=1"


def test_limits_that_are_typed() -> None:
    changed = with_changes(LIMITS, "shift=5, ev=0.15,zoom_warn=0.01")
    assert (changed.shift_reject_px, changed.exposure_reject_ev) == (5.0, 0.15)
    assert changed.zoom_warn == 0.01
    assert changed.drift_reject_px == LIMITS.drift_reject_px
    assert set(SHORT_NAMES.values()) <= set(QualityLimits.model_fields)
    for typed in ("shift", "shift=", "shift=far"):
        with pytest.raises(InputError, match="as in shift=5"):
            with_changes(LIMITS, typed)
    with pytest.raises(SettingsError, match="shft"):
        with_changes(LIMITS, "shft=5")
    with pytest.raises(SettingsError, match="shift_reject_px"):
        with_changes(LIMITS, "shift=-5")


def test_typed_limits_and_auto_come_into_the_journal(run: Run, tmp_path: Path) -> None:
    done = run(
        "defocus-capture", "shoot", "s", "--camera", TINY, "--qc-set", "shift=7", "--scene", "auto",
        "--shutter", "auto", "--countdown", "1", "--yes", "--qc", "warn",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "0001_scene-001  in 1 s" in done.stderr
    (planned,) = read_state(tmp_path / "s")[0].shoots
    assert planned.handling.limits.shift_reject_px == 7.0
    assert planned.handling.countdown_seconds == 1
    assert planned.blurry is not None
    assert planned.blurry.shutter == "1/125", "what the camera was set to"


def test_the_index_is_made_anew(run: Run, tmp_path: Path) -> None:
    done = run("defocus-capture", "shoot", "s", "--camera", f"{TINY}&profile=nikon", "--yes")
    assert done.returncode in (0, 1), done.stderr
    state, _ = read_state(tmp_path / "s")
    assert state.shoots[0].blurry is not None
    assert state.shoots[0].blurry.shutter.endswith("s"), "in Nikon's words"
    sums = (tmp_path / "s" / "checksums.sha256").read_text()
    (tmp_path / "s" / "checksums.sha256").write_text("nothing\n")
    (tmp_path / "s" / "session.json").unlink()
    assert run("defocus-capture", "check", "s", "--fix-index").returncode == done.returncode
    assert (tmp_path / "s" / "checksums.sha256").read_text() == sums
    assert json.loads((tmp_path / "s" / "session.json").read_text())["id"] == state.id
    assert len(read_session(tmp_path / "s").pairs) == 1 - done.returncode


class Bench(SimulatedCamera):
    """A simulated camera that notes how it is made ready."""

    def __init__(self) -> None:
        super().__init__("sim:", SimulatedOptions())
        self.told: list[str] = []

    def choose_white_balance(self, asked: str) -> str:
        self.told.append(asked)
        return asked

    def hold_mirror(self) -> str:
        self.told.append("mirror")
        return "viewfinder 1"


def kept_as(options: ShootOptions) -> ShootRecord:
    return ShootRecord.model_validate({"camera": {"uri": "sim:"}, "handling": options.to_json()})


def test_white_balance_and_mirror_are_asked_of_the_camera_and_kept_for_resume() -> None:
    options = ShootOptions(white_balance="5200K", mirror_lock=True)
    kept = ShootOptions.from_shoot(kept_as(options))
    assert (kept.white_balance, kept.mirror_lock) == ("5200K", True)
    assert ShootOptions.from_shoot(kept_as(ShootOptions())).white_balance is None
    camera = Bench()
    make_ready(SessionCameras.single(camera), kept)
    make_ready(SessionCameras.single(camera), ShootOptions())
    assert camera.told == ["5200K", "mirror"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--format raw", "drop --format"), ("--wb 5200K", "its white balance; drop --wb"),
        ("--mirror-lock", "its mirror; drop --mirror-lock"), ("--mode focus", "--focus-steps 40"),
        ("--mode dual", "needs two cameras"), ("--blurry f/99", "f/99"), ("--qc-set nix=1", "nix"),
        ("--settings no.toml", "no.toml"), ("--calibration no.json", "no.json"),
        ("--scene-list no.csv", "no.csv"), ("--sharp f/2", "exchange the two"),
        ("--focus-steps 40", "moves no focus"), ("--iso 7", "no iso '7'"),
        ("--shutter 77", "no shutter '77'"), ("--scene ?!", "no letter or digit"),
    ],
)  # fmt: skip
def test_a_refused_option_leaves_nothing_behind(
    option: str, said: str, run: Run, tmp_path: Path
) -> None:
    words = ("--camera", TINY, "--blurry", "f/4", "--yes", *option.split())
    done = run("defocus-capture", "shoot", "s", *words)
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("defocus-capture: ")
    assert said in last
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("plan", "--camera", "gphoto2:usb:009,009"), 3, "no"),
        (("shoot", "s", "--camera", "sim:"), 2, "add --yes"),
        (("plan", "--camera", "gphoto2:virtual=missing"), 2, "missing"),
        (("import", "s", ".", "--scene", ""), 2, "scene name '' has no letter or digit"),
        (("shoot", "/dev/null/s", "--camera", "sim:", "--yes"), 5, "/dev/null/s"),
    ],
)
def test_bad_input_is_one_line_and_a_code(
    run: Run, words: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    done = run("defocus-capture", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_pair_that_is_gone_is_one_short_line(run: Run, tmp_path: Path) -> None:
    run("defocus-capture", "shoot", "s", "--camera", TINY, "--scenes", "2", "--yes")
    shutil.rmtree(tmp_path / "s/pairs/0001_scene-001")
    done = run("defocus-capture", "check", "s", "--files-only")
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("0001_scene-001"))
    assert line.split(maxsplit=2)[1:] == ["incomplete", "sharp.tif is missing, and 7 further files"]
