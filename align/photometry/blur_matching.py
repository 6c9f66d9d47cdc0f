"""Blur the sharp picture locally like the blurry one, which shifts nothing: discs are symmetric.

Else the two do not match even if aligned: beyond its first zero a disc's spectrum turns its sign.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Singles
from defocus.scene.aperture import disc_psf

DIAMETERS_PX = (0.0, 2.0, 3.5, 5.0, 7.0, 9.5, 12.5, 16.0, 20.0, 25.0, 32.0, 40.0)
"""Diameters of the circle of confusion that are tried, px."""

FINE_DIAMETERS_PX = (
    *(
        0.0,
        2.0,
        3.0,
        4.0,
        5.0,
        6.0,
        7.0,
        8.5,
        10.0,
        11.5,
        13.5,
        16.0,
        18.5,
        21.5,
        25.0,
        29.0,
    ),
    *(34.0, 40.0),
)
"""Diameters in steps of less than a sixth, px: the zeros of the spectrum then fall close to their
true places."""


WINDOW_PX = 25
"""Side of the squares over which blurs are compared, px."""


def matched_blur(
    blurry: Singles,
    sharp: Singles,
) -> Singles:
    """The sharp picture with the disc blur that is locally most like the blurry one."""
    shape = blurry.shape[:2]
    best = np.full(shape, np.inf, dtype=np.float32)
    matched = sharp.copy()
    for diameter in DIAMETERS_PX:
        candidate = _disc_blurred(sharp, diameter)
        squared = (candidate - blurry) ** 2
        if squared.ndim == 3:
            squared = squared.sum(axis=2)
        cost = cv2.blur(squared, (WINDOW_PX, WINDOW_PX))
        better = cost < best
        best[better] = cost[better]
        matched[better] = candidate[better]
    return matched


def _disc_blurred(picture: Singles, diameter: float) -> Singles:
    if diameter <= 1:
        return picture
    blurred = cv2.filter2D(
        picture,
        cv2.CV_32F,
        disc_psf(diameter),
        borderType=cv2.BORDER_REFLECT,
    )
    return np.asarray(blurred, dtype=np.float32)


def disc_blurred_stack(
    picture: Singles,
    diameters: Sequence[float] | Doubles,
) -> list[Singles]:
    """A picture blurred by discs, reflected beyond its borders; up to 1 px leaves it unchanged."""
    blurred = (_disc_blurred(picture, float(diameter)) for diameter in diameters)
    # a Fourier transform rounds
    return [np.maximum(one, np.float32(0)) for one in blurred]
