"""The test chart is shot before and after a session, and the drift between is told."""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pypdf
import pytest

import defocus.extras
from defocus.capture.cameras.sim import open_camera
from defocus.capture.commands import shoot
from defocus.capture.sessions.contact_sheet import contact_sheet
from defocus.capture.sessions.damage import check_session, damaged_files
from defocus.capture.sessions.folder import (
    SessionFolder,
    open_session_folder,
    repair_session,
)
from defocus.capture.sessions.journal import encode_record, read_journal
from defocus.capture.sessions.session import index_problem, read_state
from defocus.capture.simulation.body import FocusMotor
from defocus.errors import CameraError, DatasetError, InputError, InterruptedWorkError
from defocus.extras.charts.commands.capture_chart import command
from defocus.extras.charts.drift import CLEARLY
from defocus.extras.charts.shooting.points import session_drift
from defocus.extras.charts.shooting.session_lines import session_charts
from defocus.extras.charts.shooting.shots import begin_chart, store_chart
from defocus.pictures.write import write_image
from defocus.reports.model import Curves, Paragraph, Table
from defocus.scene.aperture import disc_psf
from defocus.scene.thin_lens import Lens, breathing_zoom, circle_of_confusion_px
from tests.capture.conftest import own_home, virtual_folder
from tests.capture.scripted.plugging import BODIES, plug
from tests.capture.scripted.scenarios import URI, bracket_for
from tests.capture.shooting import resume
from tests.capture.test_journal import damage
from tests.capture.test_refetching import STORE

__all__ = ["own_home", "virtual_folder"]

CAMERA = "sim:?width=660&height=440&seed=2&chart=40"
DRIFT = "&fault=shift=2,-1&fault=turn=0.05&fault=af-hunt=2"
STEPS = 2


def chart(session: Path, *words: str) -> int:
    code: int = command.main(["shoot", str(session), *words], standalone_mode=False)
    return code


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Two charts without drift, and one with a planted one."""
    root = tmp_path_factory.mktemp("charts") / "s"
    assert (
        chart(root, "--camera", CAMERA, "--aperture", "f/4", "--shutter", "1/200") == 0
    )
    assert chart(root) == 0
    assert chart(root, "--camera", CAMERA + DRIFT) == 0
    return root


def lens(steps: int) -> Lens:
    """The lens with its motor so many steps from where it was."""
    described = open_camera(CAMERA).describe()
    pitch = described.sensor_pitch_um
    assert pitch is not None
    return Lens(50.0, 4.0, FocusMotor(2000.0, 90, 6).distance_at(steps), pitch)


def mtf50(steps: int) -> float:
    """Of the kernel by which the chart is blurred, and of the pixels that it is drawn with."""
    blur = abs(float(circle_of_confusion_px(lens(40).focus_distance_mm, lens(steps))))
    transfer = np.abs(np.fft.rfft(disc_psf(blur).sum(axis=0), 4096))
    frequencies = np.arange(len(transfer)) / 4096
    transfer *= np.sinc(frequencies)
    first = int(np.flatnonzero(transfer < 0.5)[0])
    around = [first, first - 1]
    return float(np.interp(0.5, transfer[around], frequencies[around]))


def test_planted_drift_is_recovered_within_its_error(session):
    drift = session_drift(read_state(session)[0])[2].drift
    assert drift is not None
    planted = (
        mtf50(STEPS) / mtf50(0) - 1,
        2.0,
        -1.0,
        breathing_zoom(lens(STEPS), lens(0)) - 1,
        math.radians(0.05),
    )
    for change, truth in zip(drift.changes, planted, strict=True):
        assert change is not None
        assert change.clear
        assert abs(change.value - truth) < CLEARLY * change.error, (change, truth)
    assert planted[0] > 0.03
    assert drift.cause == "refocused, and camera or chart moved"


def test_no_drift_is_called_none(session):
    first, second, _ = session_drift(read_state(session)[0])
    assert first.drift is None
    assert "the first with this camera at f/4" in first.line()
    assert second.drift is not None
    assert all(
        change is not None and not change.clear for change in second.drift.changes
    )
    assert second.line().count("(within its error)") == 5
    match = re.match(
        r"chart 0002  MTF50 (\S+) cycles/px \((\S+) lp/mm\), median of \d+ edges, "
        r"middle at \d+, \d+ px; since chart 0001: MTF50 [+-]\S+ ± \S+ %",
        second.line(),
    )
    assert match
    assert float(match[2]) == pytest.approx(
        float(match[1]) / 0.016 * 660 / 1000, rel=1e-2
    )


def test_settings_and_camera_are_those_of_the_session(session):
    charts = session_charts(read_state(session)[0])
    assert charts[1].shot.camera.uri == CAMERA
    assert charts[1].shot.exposure == charts[0].shot.exposure
    assert charts[0].shot.exposure.shutter == "1/200"


def test_the_page_of_the_session_shows_the_drift(session):
    parts = dict(contact_sheet(session).sections)["Drift over the session"]
    (sentence,) = [part for part in parts if isinstance(part, Paragraph)]
    assert "chart 0003: MTF50, shift right, shift down, zoom, rotation" in sentence.text
    assert "chart 0002" not in sentence.text
    sharpness, place = [part for part in parts if isinstance(part, Curves)]
    assert [len(curve.x) for curve in (*sharpness.curves, *place.curves)] == [3, 3, 3]
    assert place.curves[0].y[2] == pytest.approx(2.0, abs=0.05)
    moved = session_drift(read_state(session)[0])[2].drift
    assert moved is not None
    assert moved.right is not None
    assert place.curves[0].errors == (0.0, place.curves[0].errors[1], moved.right.error)
    assert all(curve.errors[1] > 0 for curve in (*sharpness.curves, *place.curves))
    charts, changes = [part for part in parts if isinstance(part, Table)]
    assert [row[0] for row in charts.rows] == ["chart 0001", "chart 0002", "chart 0003"]
    assert re.fullmatch(r"\d+\xa0[A-Z]\w+\xa0\d\d:\d\d", str(charts.rows[0][1]))
    assert [row[-1] for row in changes.rows][:2] == ["the first", "within its error"]
    assert re.fullmatch(
        r"\+2\.0\d\d ± 0\.0\d\d|\+1\.9\d\d ± 0\.0\d\d", str(changes.rows[2][2])
    )


@pytest.fixture
def log():
    """The command of another extra, where it is there."""
    return pytest.importorskip("defocus.extras.notebook.commands.capture_log")


def test_the_log_of_the_day_has_the_charts(log, session, tmp_path):
    for name in ("day.csv", "day.pdf"):
        log.command.main(
            [str(session), "--out", str(tmp_path / name)], standalone_mode=False
        )
    with (tmp_path / "day.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["pair"] for row in rows] == ["chart 0001", "chart 0002", "chart 0003"]
    assert rows[2]["blurry"] == "f/4, 1/200 s, ISO 100"
    assert "since chart 0001: MTF50 +" in rows[2]["reason"]
    assert {row["verdict"] for row in rows} == {""}
    text = "".join(
        page.extract_text() for page in pypdf.PdfReader(tmp_path / "day.pdf").pages
    )
    text = " ".join(text.split())
    assert "no pair and 3 test charts on 1 day" in text
    assert "since chart 0001:" not in text, "the changes are a table"
    assert "Changes of the test charts" in text
    assert re.search(
        r"chart 0003 \+\d+\.\d\d ± \d\.\d\d \+[12]\.\d{3} ± 0\.\d{3}", text
    )


def test_the_log_has_a_chart_before_the_pairs_that_follow_it(log, tmp_path):
    session = tmp_path / "s"
    camera = "sim:?width=300&height=200&chart=40"
    chart(session, "--camera", camera, "--shutter", "1/200")
    shoot.command.main(
        [str(session), "--camera", camera, "--yes"], standalone_mode=False
    )
    chart(session)
    log.command.main(
        [str(session), "--out", str(tmp_path / "day.html")], standalone_mode=False
    )
    page = (tmp_path / "day.html").read_text().split("Changes of the test charts")[0]
    places = [
        page.rindex(name) for name in ("chart 0001", "0001_scene-001", "chart 0002")
    ]
    assert places == sorted(places)


def test_a_picture_without_a_chart_is_kept_and_marked(tmp_path, capsys):
    root = tmp_path / "s"
    assert chart(root, "--camera", "sim:?width=96&height=64", "--shutter", "1/200") == 1
    assert "chart 0001  unknown: no chart found" in capsys.readouterr().err
    assert (root / "charts" / "0001" / "chart.tif").is_file()
    checked = check_session(root)
    assert checked.ok
    assert checked.shots[0].reason.startswith("no chart found")
    (section,) = [
        parts
        for name, parts in contact_sheet(root).sections
        if name.startswith("Drift")
    ]
    assert "nothing to compare yet" in str(section[0])


def test_an_overexposed_chart_is_said(tmp_path, capfd):
    messages = []
    for name, shutter in (("over", "1/40"), ("right", "1/200")):
        words = ("--camera", CAMERA, "--aperture", "f/4", "--shutter", shutter)
        assert chart(tmp_path / name, *words) == 0
        messages.append("the paper is clipped" in capfd.readouterr().err)
    assert messages == [True, False]
    (point,) = session_drift(read_state(tmp_path / "over")[0])
    assert point.marks is not None
    assert point.line().endswith("; the paper is clipped; expose less")
    drift = dict(contact_sheet(tmp_path / "over").sections)["Drift over the session"]
    assert "the first (the paper is clipped; expose less)" in str(drift)


def test_after_a_lost_camera_the_chart_is_shot_with_the_same_number(tmp_path, refused):
    root = tmp_path / "s"
    tiny = ("--camera", "sim:?width=96&height=64&fault=unplug", "--shutter", "1/200")
    with refused(CameraError):
        chart(root, *tiny)
    assert check_session(root).ok
    assert chart(root, "--camera", "sim:?width=96&height=64", "--shutter", "1/200") == 1
    assert list(read_state(root)[0].added) == ["chart 0001"]


def test_without_a_camera_there_must_be_a_session(tmp_path, refused):
    with refused(DatasetError):
        chart(tmp_path / "s")
    assert not (tmp_path / "s").exists()


def keep(folder: SessionFolder, aperture: str = "f/4") -> int:
    """Store a picture without a chart as if it had been shot."""
    number, place = begin_chart(folder)
    write_image(place / "chart.png", np.full((60, 90, 3), 99, np.uint8))
    part = (place / "chart.png").rename(place / "chart.png.part")
    exposure = {"aperture": aperture, "shutter": "1/200", "iso": None}
    store_chart(
        folder, number, [part], {"camera": {"uri": "sim:"}, "exposure": exposure}
    )
    return number


def found(shift: float) -> dict[str, object]:
    """A reading; every quantity has some scatter."""
    random = np.random.default_rng(round(100 * shift))
    dots = np.stack(np.meshgrid(np.arange(6.0), np.arange(4.0)), -1).reshape(-1, 2) * 15
    dots += shift + 0.01 * random.standard_normal(dots.shape)
    mtf50 = 0.2 + 0.001 * random.standard_normal(56)
    size = {"layout": "wall", "size_px": [90, 60]}
    return {**size, "mtf50": [None, *mtf50.tolist()], "dots": [None, *dots.tolist()]}


def test_a_chart_that_was_shot_and_not_read_is_read_by_resume(
    tmp_path, monkeypatch, capsys, refused
):
    def stop(_: SessionFolder) -> None:
        raise KeyboardInterrupt

    root = tmp_path / "s"
    with monkeypatch.context() as patch:
        patch.setattr("defocus.extras.charts.shooting.shots.read_left_charts", stop)
        with refused(InterruptedWorkError):
            chart(root, "--camera", "sim:?width=96&height=64", "--shutter", "1/200")
    checked = check_session(root)
    assert not checked.ok
    assert "not read yet" in checked.shots[0].reason
    assert resume(root) == 0
    assert "chart 0001  unknown" in capsys.readouterr().err
    assert check_session(root).ok


def test_charts_with_other_settings_are_not_compared(tmp_path):
    with open_session_folder(tmp_path / "s", create=True) as folder:
        for aperture, shift in (("f/4", 0.0), ("f/8", 0.0), ("f/4", 1.0), ("f/8", 0.5)):
            folder.added_read("chart", keep(folder, aperture), found(shift))
        points = session_drift(folder.state)
    assert [None if one.first is None else one.first.id for one in points] == [
        None, None, "chart 0001", "chart 0002",
    ]  # fmt: skip
    assert [
        one.drift.right.clear for one in points if one.drift and one.drift.right
    ] == [True] * 2


def test_files_are_checked_and_a_lost_journal_line_is_made_anew(tmp_path):
    root = tmp_path / "s"
    with open_session_folder(root, create=True) as folder:
        for shift in (0.0, 0.25):
            folder.added_read("chart", keep(folder), found(shift))
        before = session_drift(folder.state)
    (root / "journal-copies").rename(tmp_path / "copies")
    assert len(damage(root, "chart-read")) == 2
    assert "chart 0001: made from session.json" in repair_session(root)
    after = session_drift(read_state(root)[0])
    assert after[1].line() == before[1].line()
    picture = root / "charts" / "0002" / "chart.png"
    picture.chmod(0o644)
    picture.write_bytes(b"other")
    (root / "charts" / "0007").mkdir()
    (root / "charts" / "0007" / "chart.jpg").write_bytes(b"left")
    checked = check_session(root)
    assert [one.ok for one in checked.shots] == [True, False, False]
    assert "has 5 bytes" in checked.shots[1].reason
    assert "does not know it" in checked.shots[2].reason
    assert (
        json.loads((root / "session.json").read_text())["charts"][1]["shot"]["chart"]
        == 2
    )
    with open_session_folder(root, create=False) as folder:
        assert begin_chart(folder)[0] == 8, "what a kill left is not written over"


DAMAGED = {
    "number": ("chart-shot", {"chart": 0}),
    "picture": ("chart-shot", {"picture": "other.png"}),
    "pitch": ("chart-shot", {"sensor_pitch_um": -1.0}),
    "file": ("chart-shot", {"files": [{"name": "../x.png"}]}),
    "layout": ("chart-read", {"found": found(0.0) | {"layout": "floor"}}),
    "twice": ("chart-read", {"event": "chart-shot"}),
    "not shot": ("chart-read", {"chart": 2}),
}


@pytest.mark.parametrize("damaged", DAMAGED)
def test_a_damaged_line_is_refused(damaged, tmp_path, refused):
    root = tmp_path / "s"
    event, fields = DAMAGED[damaged]
    with open_session_folder(root, create=True) as folder:
        folder.added_read("chart", keep(folder), found(0.0))
    journal = root / "journal.jsonl"
    records = read_journal(journal).records
    shot = next(record for record in records if record["event"] == "chart-shot")
    lines = []
    for record in records:
        line = {name: value for name, value in record.items() if name != "crc32"}
        if record["event"] == event:
            line = shot | line | fields if damaged == "twice" else line | fields
        lines.append(encode_record(line))
    journal.write_bytes(b"".join(lines))
    with refused(DatasetError):
        read_state(root)


def test_without_the_extra_the_files_of_charts_are_still_the_session_s(
    tmp_path, monkeypatch
):
    root = tmp_path / "s"
    with open_session_folder(root, create=True) as folder:
        for shift in (0.0, 0.25):
            folder.added_read("chart", keep(folder), found(shift))
        keep(folder)
        before = session_drift(folder.state)
    checked = check_session(root)
    index = (root / "session.json").read_text()
    checksums = (root / "checksums.sha256").read_text()
    with monkeypatch.context() as patch:
        patch.setattr(defocus.extras, "__path__", [str(tmp_path / "none")])
        without = check_session(root)
        assert without.shots[:2] == checked.shots[:2]
        assert without.shots[2].reason.startswith("not read yet; the extra")
        assert not without.ok
        with open_session_folder(root, create=False) as folder:
            assert not index_problem(root, folder.state)
        assert (root / "checksums.sha256").read_text() == checksums
        assert json.loads((root / "session.json").read_text()) == json.loads(index)
        (root / "journal-copies").rename(tmp_path / "copies")
        damage(root, "chart-read")
        assert "chart 0002: made from session.json" in repair_session(root)
        picture = root / "charts" / "0002" / "chart.png"
        picture.chmod(0o644)
        picture.write_bytes(b"other")
        assert [one.ok for one in check_session(root).shots] == [True, False, False]
        state = read_state(root)[0]
        assert [one.pair for one in damaged_files(root, state)] == ["chart 0002"]
    with open_session_folder(root, create=False) as folder:
        state = folder.state
        assert not index_problem(root, state)
    assert [one.line() for one in session_drift(state)] == [
        one.line() for one in before
    ]


def test_what_a_kill_left_of_a_shot_is_removed(tmp_path):
    root = tmp_path / "s"
    with open_session_folder(root, create=True) as folder:
        _, place = begin_chart(folder)
        (place / "chart.tif.part").write_text("half")
    with open_session_folder(root, create=False):
        assert list(place.iterdir()) == []


def test_a_lost_chart_is_fetched_from_the_card_or_named(
    virtual_folder, tmp_path, capsys
):
    session = tmp_path / "s"
    words = ["--camera", f"gphoto2:virtual={virtual_folder}", "--settle", "0"]
    exposure = ["--aperture", "f/5.6", "--shutter", "0.0012s"]
    chart(session, *words, *exposure)
    picture = session / "charts" / "0001" / "chart.jpg"
    content = picture.read_bytes()
    ((folder, name),) = read_state(session)[0].added["chart 0001"].shot.on_card
    card = virtual_folder / folder.removeprefix(f"{STORE}/")
    card.mkdir(parents=True)
    (card / name).write_bytes(content)  # the virtual camera forgets it otherwise
    picture.chmod(0o644)
    picture.write_bytes(b"x")
    assert resume(session) == 0
    assert "chart 0001  chart.jpg: fetched from the card" in capsys.readouterr().err
    assert picture.read_bytes() == content
    assert (session / "interrupted" / "chart-0001.1" / "chart.jpg").read_bytes() == b"x"
    assert check_session(session).ok
    picture.unlink()
    (card / name).unlink()
    assert resume(session) == 1
    said = capsys.readouterr().err
    assert (
        "chart 0001  incomplete: chart.jpg is missing; restore it from a copy\n" in said
    )


def test_a_burst_that_only_a_dial_ends_is_refused(tmp_path, monkeypatch, refused):
    drive = "Continuous Low Speed"
    plugged = plug(monkeypatch, BODIES / "speeds.txt")
    plugged.body.narrow("capturemode", drive)
    plugged.body.put("capturemode", drive)
    asked = bracket_for()
    words = (
        "--shutter",
        asked.shutter,
        "--iso",
        asked.iso or "",
        "--aperture",
        asked.blurry,
    )
    with refused(InputError):
        chart(tmp_path / "s", "--camera", URI, *map(str, words))
    assert not (tmp_path / "s").exists()
