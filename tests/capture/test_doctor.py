"""The doctor on computers and cameras that are well, and on those that are not; ``config``."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from defocus.capture import doctor
from defocus.capture.camera import CameraDescription, Setting, SettingName, Word
from defocus.capture.doctor import CheckedPoint, camera_findings, computer_findings
from defocus.capture.links.gphoto2.errors import HoldingProgram, usb_holders

ASKED = {
    "stabilisation", "electronic-first-curtain", "electronic-shutter", "sleep", "focus-shift",
    "long-exposure-noise-reduction", "lossy-raw", "autofocus", "corrections", "drive-mode",
}  # fmt: skip


class Body:
    """A camera that has nothing but a configuration."""

    def __init__(
        self,
        words: dict[str, str],
        *,
        read_only: bool = False,
        battery: str = "80%",
        exif: bool = True,
    ) -> None:
        self.words, self.read_only, self.battery, self.exif = (
            words,
            read_only,
            battery,
            exif,
        )

    def describe(self) -> CameraDescription:
        return CameraDescription(
            "test:", "Body 1", battery=self.battery, writes_exif=self.exif
        )

    def settings(self) -> dict[SettingName, Setting]:
        return {
            "aperture": Setting("aperture", "f-number", "f/4", ("f/4",), self.read_only)
        }

    def config(self) -> dict[str, Word]:
        return {name: Word(value) for name, value in self.words.items()}

    def configure(self, word: str, value: str) -> str:
        self.words[word] = value
        return value


def findings_of(body: Any) -> dict[str, CheckedPoint]:
    return {finding.name: finding for finding in camera_findings(body)}


def test_what_no_program_can_see_is_asked():
    """Video cameras are not asked about curtains."""
    for exif, names in (
        (True, ASKED),
        (False, {"stabilisation", "focus-shift", "corrections"}),
    ):
        points = camera_findings(Body({}, exif=exif))  # type: ignore[arg-type]
        asked = [point for point in points if point.status == "ask"]
        assert {point.name for point in asked} == names
        assert all(point.detail.endswith("?") and point.advice for point in asked)


@pytest.mark.parametrize(
    ("word", "good", "bad", "name", "status"),
    [
        ("imagestabilization", "Off", "On", "stabilisation", "fail"),
        ("vibrationreduction", "Off", "Sport", "stabilisation", "fail"),
        ("electronicfrontcurtain", "Off", "On", "electronic-first-curtain", "warn"),
        (
            "shuttertype",
            "Mechanical",
            "Electronic Shutter",
            "electronic-shutter",
            "warn",
        ),
        ("silentmode", "Off", "On", "electronic-shutter", "warn"),
        ("longexpnr", "Off", "Auto", "long-exposure-noise-reduction", "fail"),
        ("rawcompression", "Lossless compressed", "Compressed", "lossy-raw", "warn"),
        ("imageformat", "RAW", "cRAW", "lossy-raw", "warn"),
        ("autopoweroff", "0", "60", "sleep", "warn"),
        ("focusmode", "Manual", "AF-S", "autofocus", "warn"),
    ],
)
def test_what_the_camera_tells_is_judged(word, good, bad, name, status):
    assert findings_of(Body({word: good}))[name].status == "ok"
    finding = findings_of(Body({word: bad}))[name]
    assert finding.status == status
    assert bad in finding.detail
    assert finding.advice


def test_dials_batteries_and_clocks():
    now, names = int(time.time()), ("settings", "battery", "camera-clock")
    well = findings_of(Body({"datetime": str(now + 3600)}))  # another time zone
    assert [well[name].status for name in names] == ["ok"] * 3
    for skew, status in (("-40", "ok"), ("-400", "warn")):
        assert (
            findings_of(Body({"clock_skew_seconds": skew}))["camera-clock"].status
            == status
        )
    ill = findings_of(Body({"datetime": str(now + 300)}, read_only=True, battery="10%"))
    assert [ill[name].status for name in names] == ["fail", "warn", "warn"]
    assert "f-number" in ill["settings"].detail


def point_of(name: str, folder: Path) -> CheckedPoint:
    return {point.name: point for point in computer_findings(folder)}[name]


@pytest.mark.full
def test_programs_that_hold_cameras(tmp_path, monkeypatch):
    for number, command in (
        ("7", b"/usr/libexec/gvfs-gphoto2-volume-monitor\0"),
        ("12", b"/usr/bin/darktable\0picture.nef\0"),
        ("13", b"/bin/cat\0gphoto2\0"),
        ("14", b""),
        ("self", b"gphoto2\0"),
    ):
        (tmp_path / number).mkdir()
        (tmp_path / number / "cmdline").write_bytes(command)
    (tmp_path / "15").mkdir()  # ended between two looks
    holders = usb_holders(tmp_path)
    wanted = [(7, "gvfs-gphoto2-volume-monitor"), (12, "darktable")]
    assert holders == [HoldingProgram(*one) for one in wanted]
    monkeypatch.setattr(doctor, "usb_holders", lambda: holders)
    point = point_of("usb-holders", tmp_path)
    assert point.status == "warn"
    assert "process 7" in point.detail
    assert "gio mount -s gphoto2" in point.advice


@pytest.mark.full
@pytest.mark.parametrize(
    ("free", "status"),
    [(50_000_000_000, "ok"), (5_000_000_000, "warn"), (10_000_000, "fail")],
)
def test_disk(tmp_path, monkeypatch, free, status):
    monkeypatch.setattr(
        doctor.shutil, "disk_usage", lambda _path: SimpleNamespace(free=free)
    )
    assert point_of("disk", tmp_path / "not" / "yet" / "there").status == status


@pytest.mark.full
def test_libraries_that_lack_and_a_clock_that_lost_its_time(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "no-such-library"))
    monkeypatch.setattr(
        doctor, "EARLIEST", doctor.datetime(2999, 1, 1, tzinfo=doctor.UTC)
    )
    points = {point.name: point for point in computer_findings(tmp_path)}
    names = ("library-no-such-library", "library-numpy", "clock")
    assert [points[name].status for name in names] == ["fail", "ok", "fail"]


def test_doctor_json_is_a_list_of_points(run):
    result = run("defocus-capture", "doctor", "--camera", "sim:", "--json")
    points = json.loads(result.stdout)
    assert all(set(point) == {"name", "status", "detail", "advice"} for point in points)
    assert {point["status"] for point in points} <= {"ok", "warn", "fail", "ask"}
    assert {"disk", "clock", "usb-holders", "camera", "settings"} <= {
        p["name"] for p in points
    }
    assert result.returncode == int(any(point["status"] == "fail" for point in points))
    result = run(
        "defocus-capture", "doctor", "--camera", "gphoto2:usb:009,009", "--json", code=3
    )
    (point,) = [
        point for point in json.loads(result.stdout) if point["name"] == "camera"
    ]
    assert point["status"] == "fail"


@pytest.mark.full
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_person_at_the_terminal_is_asked(tmp_path, virtual_folder):
    """On a pseudo-terminal; the first question is answered with no."""
    master, slave = pty.openpty()
    program = "from defocus.capture.cli import main; main()"
    camera = f"gphoto2:virtual={virtual_folder}"
    with subprocess.Popen(
        [sys.executable, "-c", program, "doctor", "--camera", camera],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        os.close(slave)
        os.write(master, b"y\nn\n" + b"y\n" * 20)
        out, _ = process.communicate()
        os.close(master)
    assert process.returncode == 1
    statuses = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert statuses.count("fail") == 1
    assert "ask" not in statuses


@pytest.fixture
def config(run, virtual_folder):
    """Of the virtual camera."""
    camera = f"gphoto2:virtual={virtual_folder}"
    return lambda action, *words: run(
        "defocus-capture", "config", action, "--camera", camera, *words
    )


def test_config_on_the_virtual_camera(config, tmp_path):
    listed = json.loads(config("list", "--json").stdout)
    assert listed["capturetarget"]["choices"] == ["Internal RAM", "Memory card"]
    assert listed["serialnumber"]["read_only"] is True
    assert not {"bulb", "5007"} & set(listed)
    assert config("get", "aperture").stdout == "f/2.8\n"
    assert (
        config("set", "capturetarget=Memory card").stdout
        == "capturetarget = Memory card\n"
    )
    dump = tmp_path / "body.json"
    assert config("dump", "--out", dump).returncode == 0
    document = json.loads(dump.read_text())
    assert document["model"] == "Nikon DSC D750"
    assert "serialnumber" not in document["entries"]
    document["entries"] |= {"f-number": "f/11", "autofocus": "Off"}
    dump.write_text(json.dumps(document))
    result = config("restore", dump)
    assert (result.returncode, result.stderr) == (0, "")
    assert {"autofocus = Off", "f-number = f/11"} <= set(result.stdout.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "f-number=f/123"),
        ("set", "batterylevel=100%"),
        ("restore", "other.json"),
    ],
)
def test_what_config_refuses(config, tmp_path, arguments, said, snapshot):
    other = '{"schema": 1, "model": "Body 9", "entries": {"f-number": "f/4"}}'
    (tmp_path / "other.json").write_text(other)
    assert said(config(*arguments)) == snapshot


def test_config_of_a_camera_that_keeps_nothing(run):
    listed = run("defocus-capture", "config", "get", "--camera", "sim:", "iso")
    assert listed.stdout == "100\n"
