"""Focus breathing: change of magnification with the focus motor."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.capture.planning.exposure import Exposure
from defocus.capture.quality.quick_look import luminance
from defocus.capture.taking.shots.rig import FocusPositions, focus_positions
from defocus.errors import CameraError
from defocus.extras.calibration.bench import CalibrationBench

POINTS = 7


def calibrate_breathing(
    bench: CalibrationBench,
    *,
    aperture: str,
    shutter: str | None,
    reach: int,
) -> dict[str, Any]:
    """Register narrow-aperture pictures at several motor positions with each other.

    The ``table`` of steps and zoom, b1, b2 of ``1 + b1 steps + b2 steps²``, and the residual."""
    focus = focus_positions(bench.camera)
    bench.show(
        "chart",
        "point the camera at something with fine detail everywhere, in focus",
    )
    exposure = bench.well_exposed(bench.aperture(aperture), shutter)
    reference = luminance(bench.shot(exposure).linear)
    table = _zooms_by_step(bench, reach, focus, reference, exposure)
    points = [(row["steps"], row["zoom"]) for row in table if row["zoom"] is not None]
    _require_registered(points)
    steps, zooms = np.array(points, dtype=float).T
    design = np.stack([steps, steps**2], axis=1)
    coefficients = np.linalg.lstsq(design, zooms - 1.0, rcond=None)[0]
    return {
        "table": table,
        "coefficients": coefficients.tolist(),
        "residual": float(np.abs(zooms - 1.0 - design @ coefficients).max()),
    }


def _require_registered(points: list[tuple[int, float]]) -> None:
    """Refuse too few positions."""
    if len(points) < 3:
        raise CameraError(
            f"only {len(points)} positions of the focus motor could be registered; take a narrower "
            "--sharp aperture, fewer --reach, or a target with more detail"
        )


def _zooms_by_step(
    bench: CalibrationBench,
    reach: int,
    focus: FocusPositions,
    reference: NDArray[np.float32],
    exposure: Exposure,
) -> list[dict[str, Any]]:
    """Zoom relative to the reference at each position of the motor that it reaches."""
    from defocus.align.registration.register import register

    table: list[dict[str, Any]] = []
    for steps in np.unique(np.linspace(-reach, reach, POINTS).round().astype(int)):
        if not focus.go(int(steps)):
            continue
        similarity = register(
            reference,
            luminance(bench.shot(exposure).linear),
        ).similarity
        table.append(
            {
                "steps": int(steps),
                "zoom": None if similarity is None else similarity.zoom,
            }
        )
    focus.go(0)
    return table
