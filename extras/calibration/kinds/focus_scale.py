"""Steps of a focus motor in blur and in dioptres, by the size of the blur in pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from defocus.blur.gradients import gradient_energy
from defocus.capture.quality.quick_look import QuickLook, luminance
from defocus.scene.aperture import disc_psf

Grey = NDArray[np.float32]

CENTRE_PX = 512
SMALLEST_PX, LARGEST_PX = 2.0, 40.0
"""Range of blur that is measured, px: less is lost between the pixels, more leaves only noise."""

OVER_FLOOR = 4.0
"""Least gradient energy of a picture that is measured, as a multiple of that of the softest one."""

LEAST_VIEWS = 4


@dataclass(frozen=True)
class FocusView:
    """The centre of a picture at a position of the motor."""

    steps: int  # the position
    centre: Grey  # ``(h, w)`` linear light
    pixels: float  # picture pixels per pixel of it


def view_at(steps: int, look: QuickLook) -> FocusView:
    """The view of a shot; it holds its centre alone."""
    height, width = look.linear.shape[:2]
    top = max((height - CENTRE_PX) // 2, 0)
    left = max((width - CENTRE_PX) // 2, 0)
    centre = look.linear[top : top + CENTRE_PX, left : left + CENTRE_PX]
    return FocusView(steps, luminance(centre), look.pixels)


def focus_scale(views: Sequence[FocusView], best: float) -> dict[str, Any] | None:
    """Blur by step: each picture's circle of confusion, and a line through them; near is negative.

    None if too few pictures are blurred by a measurable size."""
    # A circle of confusion is the disc that takes the gradients of the sharpest picture down to
    # those of another one, so a small change of magnification does not matter. In a thin lens it
    # grows in proportion to the dioptres from the best focus.
    points = _blurs(views, best)
    if len(points) < LEAST_VIEWS:
        return None
    steps, blur = np.array(points).T
    # the line passes its zero at the best focus; each side has its own start for what was not sharp
    design = np.column_stack([steps - best, np.sign(steps - best)])
    line = np.linalg.lstsq(design, blur, rcond=None)[0]
    return {
        "px_per_step": float(line[0]),
        "residual_px": float(np.std(blur - design @ line)),
        "curve": [
            {"steps": int(at), "coc_px": float(size)} for at, size in sorted(points)
        ],
    }


def _blurs(views: Sequence[FocusView], best: float) -> list[tuple[int, float]]:
    """Steps and signed circle of confusion, px, of the pictures with a measurable blur."""
    sharp = min(views, key=lambda view: abs(view.steps - best))
    energies = {view.steps: gradient_energy(view.centre) for view in views}
    floor = OVER_FLOOR * min(energies.values())
    points = []
    for view in views:
        energy = energies[view.steps]
        if energy <= floor:
            continue
        blur = _blur(sharp.centre, energy)
        if SMALLEST_PX < blur < LARGEST_PX:
            side = float(np.sign(view.steps - best))
            points.append((view.steps, side * blur * sharp.pixels))
    return points


def step_words(result: Mapping[str, Any]) -> str:
    """Effect of a step, in the words of a summary; ``result`` as the calibration has it."""
    scale = result.get("scale")
    dioptres = result.get("dioptres_per_step")
    if scale is None:
        return "blur by step unknown"
    words = f"{float(scale['px_per_step']):.3g} px of blur a step at f/{result['f_number']:.1f}"
    return words if dioptres is None else f"{words} ({float(dioptres):.3g} dioptres)"


def _blur(sharp: Grey, energy: float) -> float:
    """Diameter of the disc that leaves a picture gradients of a given energy, px."""

    def excess(diameter: float) -> float:
        soft = cv2.filter2D(sharp, cv2.CV_32F, disc_psf(diameter).astype(np.float32))
        return float(np.log(gradient_energy(np.asarray(soft, np.float32)) / energy))

    if excess(SMALLEST_PX) <= 0.0 or excess(LARGEST_PX) >= 0.0:
        return 0.0
    return float(brentq(excess, SMALLEST_PX, LARGEST_PX, xtol=0.02))
