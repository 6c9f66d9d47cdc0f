"""Calibration as run by the command: open cameras, instruct the user, measure."""

import sys
from typing import Any

import click

from defocus.capture.calibrations import Calibration, Kind
from defocus.capture.camera import Camera
from defocus.capture.planning.request import SETTLE_SECONDS
from defocus.capture.taking.shots.rig import RigAddress, SessionCameras, open_rig
from defocus.errors import InputError
from defocus.extras.calibration.bench import CalibrationBench
from defocus.extras.calibration.kinds.breathing import calibrate_breathing
from defocus.extras.calibration.kinds.dust import calibrate_dust
from defocus.extras.calibration.kinds.exposure import calibrate_exposure
from defocus.extras.calibration.kinds.flat import calibrate_flat
from defocus.extras.calibration.kinds.focus import calibrate_focus
from defocus.extras.calibration.kinds.focus_scale import step_words
from defocus.extras.calibration.kinds.rig import calibrate_rig
from defocus.extras.calibration.request import CalibrationRequest
from defocus.progress import say
from defocus.storage.files import write_json


def calibrate(kind: Kind, request: CalibrationRequest) -> None:
    """Make a calibration and write it to a file."""
    address = RigAddress.parse(request.uri)
    if (kind == "rig") != (address.sharp is not None):
        raise InputError(
            "calibrate rig needs --camera blurry=URI --camera sharp=URI, the others one --camera"
        )
    if not request.yes and not sys.stdin.isatty():
        raise InputError(
            "no terminal to ask about the target; add --yes once it is in place"
        )
    with open_rig(address) as rig:
        result = _measured(kind, rig, request)
        calibration = Calibration.now(kind, rig.blurry.describe(), result)
    write_json(request.out, calibration.to_json())
    say(f"{request.out}: {_summary(kind, result)}")


def _measured(
    kind: Kind,
    rig: SessionCameras,
    request: CalibrationRequest,
) -> dict[str, Any]:
    bench = _bench(rig.blurry, request)
    shutter = request.shutter
    sharp = request.sharp
    if kind == "exposure":
        return calibrate_exposure(
            bench,
            blurry=request.blurry,
            sharp=sharp,
            shutter=shutter,
        )
    if kind == "focus":
        return calibrate_focus(
            bench,
            aperture=request.blurry,
            shutter=shutter,
            reach=request.reach,
            focal_length_mm=request.focal_length_mm,
            sensor_pitch_um=request.sensor_pitch_um,
        )
    if kind == "flat":
        apertures = [request.blurry, sharp]
        return calibrate_flat(
            bench,
            apertures=apertures,
            shutter=shutter,
            frames=request.frames,
        )
    if kind == "dust":
        return calibrate_dust(
            bench,
            aperture=sharp,
            shutter=shutter,
            frames=request.frames,
        )
    if kind == "breathing":
        return calibrate_breathing(
            bench,
            aperture=sharp,
            shutter=shutter,
            reach=request.reach,
        )
    other = _bench(rig.sharp, request)
    return calibrate_rig(
        bench,
        other,
        aperture=sharp,
        shutter=shutter,
        shots=request.frames,
    )


def _bench(camera: Camera, request: CalibrationRequest) -> CalibrationBench:
    settle = request.settle_seconds
    if settle is None:
        settle = 0.0 if camera.describe().simulated else SETTLE_SECONDS

    def ask(words: str) -> None:
        if request.yes:
            say(words)
        else:
            click.prompt(
                f"{words}, then press Enter",
                default="",
                show_default=False,
                err=True,
            )

    return CalibrationBench(camera, settle, ask)


def _summary(kind: Kind, result: dict[str, Any]) -> str:
    """The result in one line."""
    if kind == "exposure":
        worst = max(
            result["apertures"].items(),
            key=lambda item: abs(item[1]["error_ev"]),
        )
        return f"{len(result['apertures'])} apertures, at most {worst[1]['error_ev']:+.2f} EV off"
    if kind == "focus":
        return (
            f"best focus {result['best_steps']:+.1f} steps from where the lens stood, "
            f"play {result['backlash_steps']:.1f} steps, {step_words(result)}; "
            "the lens is left in focus"
        )
    if kind == "flat":
        corners = [
            f"{word} {aperture['corner_ev']:+.2f}"
            for word, aperture in result["apertures"].items()
        ]
        return f"corners in EV: {', '.join(corners)}"
    if kind == "dust":
        return f"{len(result['specks'])} specks at {result['aperture']}"
    if kind == "breathing":
        return f"magnification changes by {result['coefficients'][0]:.3%} per step"
    skew = result["skew_seconds"]
    when = "unknown: nothing moved" if skew is None else f"{skew * 1000:+.1f} ms"
    return f"mirrored: {'yes' if result['mirrored'] else 'no'}; release skew {when}"
