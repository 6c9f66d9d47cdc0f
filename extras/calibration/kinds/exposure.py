"""True exposure of each aperture, at the exposure times of pairs."""

import math
from collections.abc import Mapping
from typing import Any

from defocus.capture.planning.exposure import Exposure
from defocus.capture.planning.labels import values
from defocus.errors import InputError
from defocus.extras.calibration.bench import CalibrationBench, central_light
from defocus.scene.thin_lens import exposure_difference_ev

FRAMES = 2
"""Number of frames; the repeat shows whether the light itself flickers."""


def calibrate_exposure(
    bench: CalibrationBench,
    *,
    blurry: str,
    sharp: str,
    shutter: str | None,
) -> dict[str, Any]:
    """Shoot an even surface at every aperture between two, at times for equal exposure.

    ``error_ev``: light beyond the settings, relative to the widest; ``flicker_ev``: of two shots.
    """
    bench.show("flat", "point the camera at an evenly lit white surface, out of focus")
    widest = bench.aperture(blurry)
    narrowest = bench.aperture(sharp)
    choices = values(bench.settings["aperture"])
    least, most = choices[widest], choices[narrowest]
    between = [choice for choice in choices if least <= choices[choice] <= most]
    if len(between) < 2:
        raise InputError(f"--sharp {sharp} is not narrower than --blurry {blurry}")
    base = bench.well_exposed(widest, shutter)
    measured = _measured(bench, between, choices, base, widest)
    return {"apertures": measured}


def _measured(
    bench: CalibrationBench,
    between: list[str],
    choices: Mapping[str, float],
    base: Exposure,
    widest: str,
) -> dict[str, Any]:
    """Error and flicker of each aperture, at times for equal exposure."""
    measured: dict[str, Any] = {}
    base_ev = 0.0
    for word in sorted(between, key=lambda aperture: choices[aperture]):
        exposure = bench.equal_exposure(word, base)
        levels = []
        for look in bench.shots(exposure, FRAMES):
            light = max(central_light(look), 1e-6)
            levels.append(math.log2(light))
        light_ev = sum(levels) / FRAMES - exposure_difference_ev(
            exposure.true,
            base.true,
        )
        base_ev = light_ev if word == widest else base_ev
        measured[word] = {
            "shutter": exposure.shutter,
            "error_ev": light_ev - base_ev,
            "flicker_ev": abs(levels[0] - levels[1]),
        }
    return measured
