"""Options of the commands that have no place elsewhere."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image as PillowImage

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


def test_a_dry_run_prints_the_plan_and_makes_nothing(run: Run, tmp_path: Path) -> None:
    done = run("defocus-capture", "shoot", "s", "--camera", TINY, "--repeat", "3", "--dry-run")
    assert done.returncode == 0
    assert "exposure equal within" in done.stderr
    assert "3 pairs" in done.stderr
    assert list(tmp_path.iterdir()) == []


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


def test_a_look_through_the_camera(run: Run, tmp_path: Path) -> None:
    done = run("defocus-capture", "live", "--camera", TINY, "--frames", "2", "--picture", "x.jpg")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("sharpness ")
    assert "; edges in focus " in lines[0]
    with PillowImage.open(tmp_path / "x.jpg") as picture:
        assert picture.size == (96, 64)
    done = run("defocus-capture", "live", "--camera", TINY, "--frames", "1", "--json-lines")
    view = json.loads(done.stdout)
    assert [sum(channel) for channel in view["histogram"]] == pytest.approx([1.0] * 3, abs=1e-3)
    assert len(view["clipped_share"]) == 3


def test_a_camera_without_a_live_picture(run: Run, tmp_path: Path, virtual_folder: Path) -> None:
    look = ("live", "--frames", "1", "--camera")
    done = run("defocus-capture", *look, f"gphoto2:virtual={virtual_folder}")
    assert done.returncode == 4
    (tmp_path / "hot").mkdir()
    done = run("defocus-capture", *look, f"folder:{tmp_path / 'hot'}")
    assert done.returncode == 2
    assert "has no live view" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--blurry", "f/2"), "--blurry is for shooting; name a SESSION"),
        (("s", "--frames", "1"), "--frames is for looking only; leave SESSION out"),
        (("--json-lines",), "--picture and --json-lines go with --frames N"),
    ],
)
def test_looking_and_shooting_have_options_of_their_own(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    done = run("defocus-capture", "live", "--camera", TINY, *words)
    assert done.returncode == 2
    assert said in done.stderr


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
        (["--wb", "5200K"], "its white balance; drop --wb"),
        (["--mirror-lock"], "its mirror; drop --mirror-lock"),
    ],
)
def test_a_camera_that_has_neither_says_so(
    run: Run, tmp_path: Path, option: list[str], said: str
) -> None:
    done = run("defocus-capture", "shoot", "s", "--camera", TINY, *option, "--yes")
    assert done.returncode == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == [], "what was refused leaves no session"


@pytest.mark.parametrize(
    "option",
    [
        ("--format", "raw"), ("--wb", "5200K"), ("--mirror-lock",), ("--mode", "focus"),
        ("--mode", "dual"), ("--blurry", "f/99"), ("--qc-set", "nix=1"), ("--settings", "no.toml"),
        ("--calibration", "no.json"), ("--scene-list", "no.csv"), ("--sharp", "f/2"),
        ("--focus-steps", "40"), ("--iso", "7"), ("--shutter", "77"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_refused_option_leaves_nothing_behind(
    option: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    done = run(
        "defocus-capture", "shoot", "s", "--camera", TINY, "--blurry", "f/4", "--yes", *option
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("defocus-capture: ")
    assert list(tmp_path.iterdir()) == []


def test_a_pair_that_is_gone_is_one_short_line(run: Run, tmp_path: Path) -> None:
    run("defocus-capture", "shoot", "s", "--camera", TINY, "--scenes", "2", "--yes")
    shutil.rmtree(tmp_path / "s/pairs/0001_scene-001")
    done = run("defocus-capture", "check", "s", "--files-only")
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("0001_scene-001"))
    assert line.split(maxsplit=2)[1:] == ["incomplete", "sharp.tif is missing, and 7 further files"]
