"""Cameras behind programs: a rig of small scripts that do right, wrong, or nothing at all."""

import json
import sys

import pytest

from defocus.capture.camera import HasFocusMotor
from defocus.capture.links import retries
from defocus.capture.links.back_ends import open_camera
from defocus.capture.sessions.session import read_session
from defocus.errors import CameraError, CameraNotFoundError, InputError
from tests.capture.card import card_jpeg

pytestmark = pytest.mark.full

SCRIPT = """
import json, sys, pathlib, time
state = pathlib.Path(sys.argv[1]); pictures = state.parent
do, *rest = sys.argv[2:]
known = json.loads(state.read_text())
if do == "set": known[rest[0]] = rest[1]
elif do == "get": print(known[rest[0]])
elif do == "focus": known["focus"] += int(rest[0]); print(rest[0])
elif do == "shoot":
    source = pictures / (known["aperture"].replace("/", "") + ".jpg")
    pathlib.Path(rest[0] + ".jpg").write_bytes(source.read_bytes())
elif do == "nothing": print("shutter is stuck")
elif do == "half": pathlib.Path(rest[0] + ".jpg").write_bytes(b"\\xff\\xd8 half")
elif do == "link": pathlib.Path(rest[0] + ".jpg").symlink_to("/etc/hostname")
elif do == "hang": time.sleep(30)
elif do == "fail": sys.exit("lens cap\\nis on")
state.write_text(json.dumps(known))
"""


@pytest.fixture
def rig(tmp_path):
    """Writes ``rig.toml``; arguments replace what it says."""
    (tmp_path / "rigctl.py").write_text(SCRIPT)
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"aperture": "f/4", "shutter": "1/125", "focus": 0}))
    for number, name, second in ((4.0, "f4", 1), (22.0, "f22", 2)):
        (tmp_path / f"{name}.jpg").write_bytes(card_jpeg(number, second, seconds=0.008))
    program = [sys.executable, str(tmp_path / "rigctl.py"), str(state)]

    def line(name: str, *arguments: str) -> str:
        return f"{name} = {json.dumps([*program, *arguments])}\n"

    def make(shoot: str = "shoot", extra: str = "", focus: bool = True) -> str:
        text = line("shoot", shoot, "{output}") + extra
        for name, choices in (
            ("aperture", ["f/4", "f/22"]),
            ("shutter", ["1/125", "1/4"]),
        ):
            text += f"[settings.{name}]\n" + line("set", "set", name, "{value}")
            text += line("get", "get", name) + f"choices = {json.dumps(choices)}\n"
        text += "[focus]\n" + line("move", "focus", "{steps}") if focus else ""
        (tmp_path / "rig.toml").write_text(text)
        return f"command:{tmp_path / 'rig.toml'}"

    return make


@pytest.mark.parametrize(("failures", "answers"), [(1, True), (3, True), (6, False)])
def test_a_program_that_fails_is_tried_again(
    rig, tmp_path, monkeypatch, capsys, failures, refused, *, answers
):
    monkeypatch.setattr(retries, "PAUSES_SECONDS", (0.0,) * 5)
    with open_camera(rig()) as camera:
        script = (tmp_path / "rigctl.py").read_text()
        (tmp_path / "rigctl.py").write_text(
            "import pathlib, sys\n"
            f"tries = pathlib.Path({str(tmp_path / 'tries')!r})\n"
            "tries.write_text(tries.read_text() + '.' if tries.exists() else '.')\n"
            f"if len(tries.read_text()) <= {failures}: sys.exit('I/O in progress')\n{script}"
        )
        if answers:
            assert camera.shoot(tmp_path / "sharp")
            assert (
                capsys.readouterr().err.count("I/O in progress; trying again")
                == failures
            )
        else:
            with refused(CameraError):
                camera.shoot(tmp_path / "sharp")


def test_set_shoot_and_leave_as_found(rig, tmp_path):
    """A value is never a command."""
    hostile = f"f/4; touch {tmp_path}/owned"
    uri = rig()
    toml = tmp_path / "rig.toml"
    toml.write_text(
        toml.read_text().replace('"f/4", ', f'"f/4", {json.dumps(hostile)}, ')
    )
    with open_camera(uri) as camera:
        assert camera.settings()["aperture"].value == "f/4"
        assert camera.set("aperture", hostile) == hostile
        assert camera.set("aperture", "f/22") == "f/22"
        (part,) = camera.shoot(tmp_path / "sharp")
        assert part.name == "sharp.jpg.part"
        assert part.read_bytes() == (tmp_path / "f22.jpg").read_bytes()
        assert camera.move_focus(-40) == -40
    state = json.loads((tmp_path / "state.json").read_text())
    assert (state["aperture"], state["focus"]) == ("f/4", -40)
    assert list(tmp_path.glob(".shot-*")) == []
    assert not (tmp_path / "owned").exists()


def test_without_a_focus_table_there_is_no_motor(rig):
    with open_camera(rig(focus=False)) as camera:
        assert not isinstance(camera, HasFocusMotor)


@pytest.mark.parametrize(
    ("shoot", "message"),
    [
        ("nothing", "ended without error but wrote no sharp.jpg: shutter is stuck"),
        ("half", "sharp.jpg: the file is cut short"),
        ("link", "wrote no sharp.jpg"),
        ("fail", "failed with 1: lens cap is on"),
        ("hang", "not finished after 0.5 s"),
    ],
)
def test_programs_that_do_wrong(rig, tmp_path, shoot, message):
    extra = "timeout_seconds = 0.5\n" if shoot == "hang" else ""
    with (
        open_camera(rig(shoot, extra)) as camera,
        pytest.raises(CameraError, match=message),
    ):
        camera.shoot(tmp_path / "sharp")
    assert list(tmp_path.glob("*.part")) == []


def test_a_program_or_a_table_that_is_not_there_is_named(tmp_path, refused):
    toml = tmp_path / "rig.toml"
    toml.write_text("shoot = ['/no/such/program']")
    with open_camera(f"command:{toml}") as camera:
        with refused(CameraNotFoundError):
            camera.shoot(tmp_path / "a")
        with refused(InputError):
            camera.set("iso", "100")


def test_a_pair_through_shoot(rig, run, tmp_path):
    session = tmp_path / "session"
    run("defocus-capture", "shoot", session, "--camera", rig(), "--blurry", "f/4",
        "--sharp", "f/22", "--order", "blurry-first", "--settle", "0", "--yes", code=0)  # fmt: skip
    (pair,) = read_session(session).pairs
    assert pair.metadata["roles"]["sharp"]["exif"]["f_number"] == 22.0
    assert json.loads((tmp_path / "state.json").read_text())["aperture"] == "f/4"
