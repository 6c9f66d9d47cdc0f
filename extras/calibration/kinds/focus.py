"""Best position of the focus motor, its backlash, and the blur of a step, measured in pictures.

A sweep towards near repeats the energy of the sweep towards far, delayed by the backlash."""

import math
from typing import Any

import numpy as np

from defocus.blur.gradients import gradient_energy
from defocus.capture.planning.exposure import Exposure
from defocus.capture.quality.quick_look import encoded_grey
from defocus.capture.taking.shots.rig import FocusPositions, focus_positions
from defocus.errors import CameraError
from defocus.extras.calibration.bench import CalibrationBench
from defocus.extras.calibration.kinds.focus_scale import FocusView, focus_scale, view_at
from defocus.scene.thin_lens import Lens

COARSE_POINTS = 13
FINE_POINTS = 9
LEAST_CONTRAST = 1.3
"""Least ratio of the sharpest to the least sharp picture of a sweep; below it, nothing came into
focus."""

NEAR_PEAK = 0.5
"""Share of its height above which a curve has its top; a parabola fits the logarithm there."""

Curve = list[tuple[int, float]]
Views = list[FocusView]


def calibrate_focus(
    bench: CalibrationBench,
    *,
    aperture: str | None,
    shutter: str | None,
    reach: int,
    focal_length_mm: float | None = None,
    sensor_pitch_um: float | None = None,
) -> dict[str, Any]:
    """Find the best focus on a detailed target, where the lens stays, and the motor's backlash.

    For ``scale`` see :func:`.focus_scale.focus_scale`; null without lens or scale."""
    focus = focus_positions(bench.camera, overshoot=max(reach // 2, 10))
    bench.show(
        "chart",
        "point the camera at something flat with fine detail, about in focus",
    )
    exposure = bench.well_exposed(bench.aperture(aperture), shutter)
    views: Views = []
    places = np.linspace(-reach, reach, COARSE_POINTS)
    coarse = _sweep(bench, focus, exposure, places, views)
    contrast = _contrast(reach, coarse)
    start, _ = max(coarse, key=lambda point: point[1])
    half = max(2 * reach // COARSE_POINTS, FINE_POINTS // 2)
    places = np.linspace(start - half, start + half, FINE_POINTS)
    fine = _sweep(bench, focus, exposure, places, views)
    best = _peak(coarse + fine)
    curve = sorted(coarse + fine)
    backward = _backward(bench, focus, exposure, round(best) + half, half)
    backlash = _play(curve, backward)
    focus.go(round(best))
    scale = focus_scale(views, best)
    lens = _lens(bench, exposure, focal_length_mm, sensor_pitch_um)
    dioptres = None if scale is None else _dioptres(scale["px_per_step"], lens)
    return {
        "best_steps": best,
        "backlash_steps": backlash,
        "contrast": contrast,
        "f_number": exposure.f_number,
        "scale": scale,
        "dioptres_per_step": dioptres,
        "curve": [
            {"steps": steps, "gradient_energy": energy} for steps, energy in curve
        ],
    }


def _contrast(reach: int, coarse: list[tuple[int, float]]) -> float:
    """Ratio of the sharpest to the least sharp; refused where nothing comes into focus."""
    energies = [energy for _, energy in coarse]
    contrast = max(energies) / max(min(energies), 1e-12)
    if contrast < LEAST_CONTRAST:
        raise CameraError(
            f"nothing comes into focus within {reach} steps (contrast {contrast:.2f}); "
            "open the aperture, give more --reach, or focus roughly by hand"
        )
    return contrast


def _dioptres(px_per_step: float, lens: Lens | None) -> float | None:
    """Dioptres of a step: |1/s - 1/D| = c N (s - f) / (f² s) for a blur c.

    Source: the thin lens, see :mod:`defocus.scene.thin_lens`."""
    if lens is None:
        return None
    blur_mm = px_per_step * lens.sensor_pitch_um / 1e3
    shorter = 1.0 - lens.focal_length_mm / lens.focus_distance_mm
    return 1e3 * blur_mm * lens.f_number * shorter / lens.focal_length_mm**2


def _lens(
    bench: CalibrationBench,
    exposure: Exposure,
    focal_mm: float | None,
    pitch_um: float | None,
) -> Lens | None:
    """The lens; if the camera does not know its focus distance, it is assumed to be far."""
    description = bench.camera.describe()
    focal = focal_mm or description.focal_length_mm
    pitch = pitch_um or description.sensor_pitch_um
    if focal is None or pitch is None:
        return None
    return Lens(
        focal,
        exposure.f_number,
        description.focus_distance_mm or math.inf,
        pitch,
    )


def _sweep(
    bench: CalibrationBench,
    focus: FocusPositions,
    exposure: Exposure,
    positions: np.ndarray[Any, Any],
    views: Views,
) -> Curve:
    """Measure gradient energy towards far, keep the views; what is beyond the end is left out."""
    curve = []
    for position in np.unique(positions.round().astype(int)).tolist():
        if focus.go(position):
            look = bench.shot(exposure)
            curve.append((position, gradient_energy(encoded_grey(look.linear))))
            views.append(view_at(position, look))
    return curve


def _backward(
    bench: CalibrationBench,
    focus: FocusPositions,
    exposure: Exposure,
    start: int,
    half: int,
) -> Curve:
    """Measure gradient energy towards near, by plain steps from ``start`` beyond the peak."""
    if not focus.go(start):
        raise CameraError(
            "the best focus is at the end of the motor's travel; move the camera"
        )
    curve = []
    position = start
    step = max(half // 4, 1)
    while position > start - 4 * half:
        position += focus.nudge(-step)
        curve.append(
            (position, gradient_energy(encoded_grey(bench.shot(exposure).linear)))
        )
    return curve


def _play(forward: Curve, backward: Curve) -> float:
    """The lag, in steps, at which the sweep towards near repeats the one towards far.

    The lens stands still until the play is taken up. A gain between the sweeps does not matter."""
    steps, energy = np.array(forward, dtype=float).T
    positions, seen = np.array(backward, dtype=float).T
    lags = np.arange(0.0, positions[0] - positions[-1], 0.1)
    lens = np.minimum(positions + lags[:, None], positions[0])
    misfit = np.log(np.interp(lens, steps, energy)) - np.log(seen)
    return float(lags[np.argmin(misfit.var(axis=1))])


def _peak(curve: Curve) -> float:
    """Maximum of the parabola through the logarithm of the upper half of a curve."""
    steps, energy = np.array(curve, dtype=float).T
    top = energy >= NEAR_PEAK * energy.max()
    if top.sum() < 3:
        top = np.argsort(energy)[-3:]
    a, b, _ = np.polyfit(steps[top], np.log(energy[top]), 2)
    if a >= 0:
        return float(steps[np.argmax(energy)])
    return float(np.clip(-b / (2 * a), steps.min(), steps.max()))
