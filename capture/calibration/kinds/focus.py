"""Best position of the focus motor, and its backlash.

Steps are not calibrated and cannot be read back, so positions are measured in pictures: a sweep
towards far, always approached from the near side, then one towards near. Both peak at the same lens
position; the steps between the two peaks are the backlash.
"""

from typing import Any

import numpy as np

from defocus.capture.calibration.bench import CalibrationBench
from defocus.capture.judging.quick_look import encoded_grey
from defocus.capture.judging.sharpness import gradient_energy
from defocus.capture.planning.exposure import Exposure
from defocus.capture.taking.shots.focusing import FocusPositions, focus_positions
from defocus.errors import CameraError

__all__ = ["calibrate_focus"]

COARSE_POINTS = 13
FINE_POINTS = 9
LEAST_CONTRAST = 1.3
"""Sharpest over least sharp picture of a sweep; below, nothing came into focus."""

NEAR_PEAK = 0.5
"""The top of a curve is where it is over half its height; a parabola fits the logarithm there."""

Curve = list[tuple[int, float]]


def calibrate_focus(
    bench: CalibrationBench, *, aperture: str | None, shutter: str | None, reach: int
) -> dict[str, Any]:
    """Find the best focus on a detailed target, and the backlash of the motor.

    The lens is left at the best focus, approached from the near side.

    Args:
        bench: The camera.
        aperture: The aperture as typed; None uses the widest, which shows focus best.
        shutter: The exposure time as typed; None finds one.
        reach: Steps to search on each side.

    Returns:
        ``best_steps`` from the initial position, ``backlash_steps``, ``contrast`` of the sweep, and
        the ``curve`` of sharpness over steps.

    Raises:
        InputError: The camera has no focus motor.
        CameraError: Nothing comes into focus, or the camera was lost.
    """
    focus = focus_positions(bench.camera, overshoot=max(reach // 2, 10))
    bench.show("chart", "point the camera at something flat with fine detail, about in focus")
    exposure = bench.well_exposed(bench.aperture(aperture), shutter)
    coarse = _sweep(bench, focus, exposure, np.linspace(-reach, reach, COARSE_POINTS))
    contrast = max(s for _, s in coarse) / max(min(s for _, s in coarse), 1e-12)
    if contrast < LEAST_CONTRAST:
        raise CameraError(
            f"nothing comes into focus within {reach} steps (contrast {contrast:.2f}); "
            "open the aperture, give more --reach, or focus roughly by hand"
        )
    start = max(coarse, key=lambda point: point[1])[0]
    half = max(2 * reach // COARSE_POINTS, FINE_POINTS // 2)
    fine = _sweep(bench, focus, exposure, np.linspace(start - half, start + half, FINE_POINTS))
    best = _peak(coarse + fine)
    backward = _backward(bench, focus, exposure, round(best) + half, half)
    backlash = max(best - _peak(backward), 0.0)
    focus.go(round(best))
    return {
        "best_steps": best,
        "backlash_steps": backlash,
        "contrast": contrast,
        "curve": [{"steps": steps, "sharpness": s} for steps, s in sorted(coarse + fine)],
    }


def _sweep(
    bench: CalibrationBench,
    focus: FocusPositions,
    exposure: Exposure,
    positions: np.ndarray[Any, Any],
) -> Curve:
    """Measure sharpness towards far; positions beyond the end stops are left out."""
    return [
        (position, _sharpness(bench, exposure))
        for position in np.unique(positions.round().astype(int)).tolist()
        if focus.go(position)
    ]


def _backward(
    bench: CalibrationBench, focus: FocusPositions, exposure: Exposure, start: int, half: int
) -> Curve:
    """Measure sharpness towards near, by plain steps from ``start`` beyond the peak."""
    if not focus.go(start):
        raise CameraError("the best focus lies at the end of the motor's travel; move the camera")
    curve, position, step = [], start, max(half // 4, 1)
    while position > start - 4 * half:
        position += focus.nudge(-step)
        curve.append((position, _sharpness(bench, exposure)))
    return curve


def _sharpness(bench: CalibrationBench, exposure: Exposure) -> float:
    return gradient_energy(encoded_grey(bench.shot(exposure).linear))


def _peak(curve: Curve) -> float:
    """Maximum of the parabola through the logarithm of the upper half of a curve."""
    steps, sharpness = (np.array(values, dtype=float) for values in zip(*curve, strict=True))
    top = sharpness >= NEAR_PEAK * sharpness.max()
    if top.sum() < 3:
        top = np.argsort(sharpness)[-3:]
    a, b, _ = np.polyfit(steps[top], np.log(sharpness[top]), 2)
    if a >= 0:
        return float(steps[np.argmax(sharpness)])
    return float(np.clip(-b / (2 * a), steps.min(), steps.max()))
