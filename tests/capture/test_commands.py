"""The sub-commands as processes: what they print, and the exit codes they leave."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from PIL import ImageFilter

from defocus.capture.sessions.session import read_session
from defocus.capture.simulation.options import SimulatedOptions
from tests.command_process import start_command

Run = Callable[..., subprocess.CompletedProcess[str]]
Jpeg = Callable[[PillowImage.Image, float, float], bytes]

BRACKET = ("--blurry", "f/4", "--sharp", "f/22")


def test_cameras_lists_what_there_is(run: Run) -> None:
    done = run("defocus-capture", "cameras", "--json")
    assert done.returncode == 0, done.stderr
    found = {camera["uri"]: camera for camera in json.loads(done.stdout)}
    assert found["sim:"]["focal_length_mm"] == 50.0
    assert found["sim:"]["battery"] is None


def test_cameras_finds_the_virtual_one(run: Run, virtual_folder: Path) -> None:
    from defocus.capture.cameras.gphoto2 import virtual_environment

    done = run("defocus-capture", "cameras", "--json", **virtual_environment(virtual_folder))
    models = {camera["uri"]: camera["model"] for camera in json.loads(done.stdout)}
    assert models["gphoto2:usb:001,001"] == "Nikon DSC D750"


def test_help_says_what_it_was_tried_on(run: Run) -> None:
    text = " ".join(run("defocus-capture", "cameras", "--help").stdout.split())
    assert "nothing was tried on a real camera body" in text
    assert [option for option in SimulatedOptions.model_fields if f" {option}=" not in text] == []


def test_plan_gives_the_numbers_before_a_shot(run: Run, tmp_path: Path) -> None:
    done = run(
        "defocus-capture", "plan", "--camera", "sim:", *BRACKET, "--shutter", "1/125", "--json",
        "--pixel-pitch", "5.36", "--distances", "1.2,1.5,3",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["sharp"]["shutter"] == "1/4"
    assert plan["aperture_ev"] == pytest.approx(5.0)
    assert plan["nominal_aperture_ev"] == pytest.approx(4.92, abs=0.01)
    assert plan["residual_ev"] == pytest.approx(0.0, abs=1e-9)
    rows = plan["circle_of_confusion"]
    # 50 mm, 2 m, 5.36 um; the sharp ones computed for f/22, while the truth is f/22.63
    assert [row["blurry_coc_px"] for row in rows] == pytest.approx([39.9, 19.9, 19.9], abs=0.05)
    assert [row["sharp_coc_px"] * 22.63 / 22 for row in rows] == (
        pytest.approx([7.2, 3.6, 3.6], abs=0.06)
    )
    assert plan["airy_diameter_px"]["sharp"] == pytest.approx(5.5 * 22.63 / 22, abs=0.05)
    assert list(tmp_path.iterdir()) == []


def test_plan_without_a_known_lens_has_nulls(run: Run, virtual_folder: Path) -> None:
    camera = f"gphoto2:virtual={virtual_folder}"
    done = run("defocus-capture", "plan", "--camera", camera, *BRACKET, "--json")
    plan = json.loads(done.stdout)
    assert plan["lens"] is None
    assert plan["airy_diameter_px"] == {"blurry": None, "sharp": None}
    assert abs(plan["residual_ev"]) > 0.3  # its list of times is coarse, and that is said
    assert "EV" in plan["notes"][0]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["plan", "--camera", "sim:?sede=1", *BRACKET], 2, "did you mean 'seed'"),
        (["plan", "--camera", "sim:", "--blurry", "f/99", "--sharp", "f/22"], 2, "f/99"),
        (["plan", "--camera", "gphoto2:usb:009,009", *BRACKET], 3, "no"),
        (["plan", "--camera", "gphoto2:virtual=missing", *BRACKET], 2, "missing"),
        (["shoot", "s", "--camera", "sim:", *BRACKET], 2, "add --yes"),
        (["shoot", "s", "--camera", "sim:", *BRACKET, "--yes", "--scene", "?!"], 2, "scene name"),
        (["shoot", "s", "--camera", "sim:", *BRACKET, "--yes", "--scene", "?!"], 2, "no letter"),
        (["import", "s", ".", "--scene", ""], 2, "scene name '' has no letter or digit"),
        (["shoot", "/dev/null/s", "--camera", "sim:", *BRACKET, "--yes"], 5, "/dev/null/s"),
    ],
)
def test_bad_input_is_one_line_and_a_code(
    run: Run, arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    done = run("defocus-capture", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_lost_camera_leaves_a_session_to_resume(
    run: Run, virtual_folder: Path, tmp_path: Path
) -> None:
    source = virtual_folder / "source.jpg"
    source.rename(tmp_path / "away.jpg")
    session = tmp_path / "session"
    camera = f"gphoto2:virtual={virtual_folder}"
    arguments = ("--blurry", "f/5.6", "--sharp", "f/22", "--shutter", "0.0012s", "--settle", "0")
    done = run("defocus-capture", "shoot", session, "--camera", camera, *arguments, "--yes")
    assert done.returncode == 4, done.stderr
    assert "resume" in done.stderr.splitlines()[-1]
    (tmp_path / "away.jpg").rename(source)
    done = run("defocus-capture", "resume", session, "--yes")
    assert done.returncode == 0, done.stderr
    assert "the same" in done.stderr  # a real camera's pair would be rejected for it
    report = json.loads(run("defocus-capture", "check", session, "--json").stdout)
    assert (report["ok"], report["pairs"][0]["verdict"]) == (True, "warn")
    (pair,) = read_session(session).pairs
    assert pair.verdict == "warn"


@pytest.mark.full
def test_a_pair_through_the_command_on_the_virtual_camera(
    tmp_path: Path, virtual_folder: Path, jpeg_file: Jpeg
) -> None:
    """The picture behind the camera is changed while it settles before the sharp shot."""
    picture = PillowImage.effect_noise((480, 320), 80).convert("RGB")
    picture = picture.filter(ImageFilter.GaussianBlur(1)).point(lambda value: value // 2 + 40)
    source = virtual_folder / "source.jpg"
    source.write_bytes(jpeg_file(picture.filter(ImageFilter.GaussianBlur(3)), 5.6, 0.0012))
    arguments = [
        "shoot", tmp_path / "session", "--camera", f"gphoto2:virtual={virtual_folder}", "--yes",
        "--blurry", "5.6", "--sharp", "22", "--shutter", "0.0012", "--settle", "1", "--json-lines",
        "--order", "blurry-first",
    ]  # fmt: skip
    with start_command("defocus-capture", *arguments) as process:
        events = []
        for line in process.stdout:
            events.append(json.loads(line))
            if events[-1].get("role") == "blurry":
                source.write_bytes(jpeg_file(picture, 22.0, 0.02))
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert [event["event"] for event in events] == [
        "session-created", "planned", "pair-started", "file", "file", "pair-shot", "pair-complete",
    ]  # fmt: skip
    assert events[-1]["verdict"] == "accept", events[-1]["reason"]
    (pair,) = read_session(tmp_path / "session").pairs
    assert pair.metadata["roles"]["sharp"]["exif"]["f_number"] == 22.0
    assert pair.metadata["quality"]["sharpness_ratio"] > 2


@pytest.mark.full
@pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc",
    reason="only glibc can be told to keep memory",
)
def test_every_command_keeps_freed_memory() -> None:
    """Else a third of the time of judging is spent on pages that the system clears again.

    By what is handed back: an array of 200 MB is in a mapping of its own, or it is not.
    """
    code = (
        "import contextlib, os, sys\n"
        "import numpy as np\n"
        "from defocus.capture.cli import main\n"
        "sys.argv = ['defocus-capture', '--version']\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()\n"
        "def held():\n"
        "    return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')\n"
        "before = held()\n"
        "big = np.ones(200_000_000, np.uint8)\n"
        "del big\n"
        "assert held() - before > 150_000_000\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
