"""Shoot the test chart into a session: before it, after it, and in between."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from defocus.capture.camera import Camera, CardFile, KnowsTruth, SettingName
from defocus.capture.planning.exposure import Exposure, plan_exposure
from defocus.capture.planning.request import SETTLE_SECONDS
from defocus.capture.planning.shoot_record import CameraRecord, ExposureRecord
from defocus.capture.sessions.folder import SessionFolder, keep_originals
from defocus.capture.sessions.session import has_begun, read_state
from defocus.capture.sessions.state import SessionState, added_numbers, main_file
from defocus.capture.taking.person import ring
from defocus.capture.taking.resuming import journalled_address
from defocus.capture.taking.running import journalled_session, make_ready, refuse_bursts
from defocus.capture.taking.shots.frames import Shot, take_shot
from defocus.capture.taking.shots.rig import RigAddress, open_rig
from defocus.errors import DatasetError
from defocus.extras.charts.shooting.readings import read_left_charts
from defocus.extras.charts.shooting.request import ChartShotRequest
from defocus.extras.charts.shooting.session_lines import (
    WORD,
    chart_folder,
    session_charts,
)
from defocus.progress import say
from defocus.storage.files import make_folder


def _address(path: Path, uri: str | None, state: SessionState) -> RigAddress:
    """The camera that is asked for, else the session's last one."""
    if uri:
        return RigAddress(uri)
    return journalled_address(_last_camera(path, state))


def shoot_chart(path: Path, request: ChartShotRequest) -> int:
    """Shoot the test chart into a session and read it; the exit code is 1 if there is none."""
    state = read_state(path)[0] if has_begun(path) else SessionState()
    kept = _last_exposure(state)
    aperture = request.aperture
    shutter = request.shutter
    iso = request.iso
    if kept is not None:
        aperture = aperture or kept.aperture
        shutter = shutter or kept.shutter
        iso = iso or kept.iso
    with open_rig(_address(path, request.uri, state)) as rig:
        camera = rig.blurry
        exposure = plan_exposure(camera.settings(), aperture, shutter, iso)
        refuse_bursts(rig)  # what a camera refuses must not leave a session behind
        if state.shoots:
            make_ready(rig, state.shoots[-1].handling)
        settle_seconds = _settle_seconds(camera, request.settle_seconds)
        with journalled_session(
            path,
            create=True,
            json_lines=request.json_lines,
        ) as folder:
            _take(folder, camera, exposure, request.sensor_pitch_um, settle_seconds)
            points = read_left_charts(folder)
            ring("done")
            return int(points[-1].marks is None)


def _settle_seconds(camera: Camera, asked: float | None) -> float:
    """How long to wait before a shot; a simulated camera does not shake."""
    if asked is not None:
        return asked
    return 0.0 if camera.describe().simulated else SETTLE_SECONDS


def _last_exposure(state: SessionState) -> ExposureRecord | None:
    if charts := session_charts(state):
        return charts[-1].shot.exposure
    return state.shoots[-1].blurry if state.shoots else None


def _last_camera(path: Path, state: SessionState) -> CameraRecord:
    if charts := session_charts(state):
        return charts[-1].shot.camera
    if not state.shoots:
        raise DatasetError(f"{path}: no shot of a camera yet; give --camera URI")
    return state.shoots[-1].camera


def _take(
    folder: SessionFolder,
    camera: Camera,
    exposure: Exposure,
    sensor_pitch_um: float | None,
    settle_seconds: float,
) -> None:
    """Take a shot and journal that it is stored."""
    number, place = begin_chart(folder)
    if isinstance(camera, KnowsTruth):
        camera.stage("test-chart", number)
        camera.show("test-chart")
    described = camera.describe()

    def report(failure: str) -> None:
        say(f"chart {number:04d}  {failure}; trying again")
        folder.journal.append("retry", chart=number, text=failure)

    def keep(got: dict[SettingName, str], shot: Shot) -> None:
        words = {
            "aperture": exposure.aperture,
            "shutter": exposure.shutter,
            "iso": exposure.iso,
        }
        told_shot = {
            "camera": described.to_json(),
            "exposure": words,
            "got": got,
            "sensor_pitch_um": sensor_pitch_um or described.sensor_pitch_um,
        }
        store_chart(folder, number, shot.parts, told_shot, shot.on_card)

    take_shot(camera, exposure, place / "chart", settle_seconds, report, keep)


def begin_chart(folder: SessionFolder) -> tuple[int, Path]:
    """Number and empty folder of the next shot of the chart; what a kill left is left alone."""
    journalled = [chart.shot.chart for chart in session_charts(folder.state)]
    left = added_numbers(folder.root, WORD)
    number = 1 + max([*journalled, *left], default=0)
    return number, make_folder(chart_folder(folder.root, number))


def store_chart(
    folder: SessionFolder,
    number: int,
    parts: Sequence[Path],
    shot: Mapping[str, Any],
    on_card: Sequence[CardFile] = (),
) -> None:
    """Make a camera's ``.part`` files the originals of a shot of the test chart."""
    stored = keep_originals(chart_folder(folder.root, number), parts)
    where = {"on_card": list(on_card)} if on_card else {}
    files = list(map(asdict, stored))
    picture = main_file(stored).name
    folder.journal.append(
        "chart-shot",
        chart=number,
        **shot,
        picture=picture,
        files=files,
        **where,
    )
    folder.write_index()
