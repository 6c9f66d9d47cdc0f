"""What training pairs show besides defocus: softness, a camera's pictures at 1:1, noise.

Each cause has a generator of its own, so that a pair without causes does not depend on them."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from defocus.scene.camera import StreamCamera, draw_noise
from defocus.scene.depth import Focus
from defocus.scene.noise_reduction import NoiseReduction
from defocus.scene.softness import (
    REACH_PX,
    Softness,
    draw_softness,
    softened,
    with_softness,
)

Array = NDArray[np.float32]

SOFTNESS_SHARE = 1 / 8
"""Share of the pairs that are soft as a whole."""

ALONE_SHARE = 0.5
"""Share of the soft pairs that have no defocus in addition."""

WEAK_PX = 2.0
"""Largest circle of confusion, px, of soft pairs that have defocus in addition. It blurs as much as
a softness of 0.5 px."""

DEVELOPED_SHARE = 1 / 8
"""Share of the pairs with a camera's picture at 1:1, with its noise reduction and sharpening."""

NOISY_SHARE = 1 / 32
"""Share of the pairs in focus that keep their strong noise. These pairs teach nothing but to leave
noise alone, so they are few; pairs in focus whose noise is removed are more than 8 %."""

DEVELOPED_SHOT = (1e-4, 2e-3)
"""Least and most shot noise of a picture at 1:1: sensors of today, from low to high sensitivity."""

STRONG_SHOT = (1e-3, 1e-2)
"""Least and most shot noise of a noisy picture: 4 to 13 of 255 levels in middle grey."""

OF_SOFTNESS, OF_DEVELOPMENT, OF_NOISE = 11, 12, 13
"""Second number of the seed of each cause's generator; the first is the number of the pair."""

MIDDLE_GREY = 0.2
"""Linear light for which a camera chooses the strength of its noise reduction."""

SLOPE = 1.12
"""Slope of the tone curve of sRGB at middle grey."""


@dataclass(frozen=True)
class Development:
    """Processing of a sensor's values to a picture at 1:1 by a camera."""

    # shot, read: noise before demosaicing, as of :class:`StreamCamera`
    shot: float
    read: float
    reduction: NoiseReduction
    # sharpening, sharpening_px: amount and standard deviation of the unsharp mask after it
    sharpening: float
    sharpening_px: float


@dataclass(frozen=True)
class Causes:
    """Causes of one pair; the default values change nothing."""

    softness: Softness | None = None
    weakest: float = 0.0  # largest circle of confusion beside softness, px
    development: Development | None = None
    # shot and read noise of a picture in focus whose target is the noisy picture itself: a target
    # without noise, or with another noise, would teach to smooth what must stay as it is
    noise: tuple[float, float] | None = None

    @property
    def reach_px(self) -> int:
        """Distance from which softness brings light into a pixel, px."""
        return 0 if self.softness is None else REACH_PX

    @property
    def reduction(self) -> NoiseReduction | None:
        """Noise reduction of the camera."""
        return None if self.development is None else self.development.reduction

    def focus(self, drawn: Focus) -> Focus:
        """The focus of the pair in place of a drawn one."""
        if self.noise is not None:
            return Focus(0.0, 0.0)
        if self.softness is None or drawn.largest <= self.weakest:
            return drawn
        weaker = self.weakest / drawn.largest
        return Focus(weaker * drawn.far, weaker * drawn.near)

    def camera(self, drawn: StreamCamera) -> StreamCamera:
        """The camera of the pair in place of a drawn one."""
        camera = drawn
        if self.development is not None:
            camera = replace(
                camera,
                mosaic=True,
                shot=self.development.shot,
                read=self.development.read,
                sharpening=self.development.sharpening,
                sharpening_px=self.development.sharpening_px,
            )
        if self.noise is not None:
            shot, read = self.noise
            camera = replace(camera, shot=shot, read=read)
        return camera

    def softened(self, light: Array) -> Array:
        """Light behind the softness, without :attr:`reach_px` on each side."""
        return light if self.softness is None else softened(light, self.softness)

    def diameters(self, diameters: Array) -> Array:
        """Signed diameters of the whole blur, px."""
        if self.softness is None:
            return diameters
        return with_softness(diameters, self.softness)


def draw_causes(number: int) -> Causes:
    """Draw the causes of the pair with a number."""
    of_softness = np.random.default_rng([number, OF_SOFTNESS])
    of_development = np.random.default_rng([number, OF_DEVELOPMENT])
    of_noise = np.random.default_rng([number, OF_NOISE])
    causes = Causes()
    if of_development.random() < DEVELOPED_SHARE:
        causes = replace(causes, development=draw_development(of_development))
    if of_noise.random() < NOISY_SHARE:
        return replace(causes, noise=draw_noise(of_noise, STRONG_SHOT))
    if of_softness.random() < SOFTNESS_SHARE:
        alone = of_softness.random() < ALONE_SHARE
        weakest = 0.0 if alone else of_softness.uniform(0.0, WEAK_PX)
        causes = replace(causes, softness=draw_softness(of_softness), weakest=weakest)
    return causes


def draw_development(random: np.random.Generator) -> Development:
    """Draw noise, and what a camera does about it; stronger noise is smoothed more."""
    shot, read = draw_noise(random, DEVELOPED_SHOT)
    deviation = SLOPE * math.sqrt(shot * MIDDLE_GREY + read)
    reduction = NoiseReduction(
        luma=random.uniform(1.0, 3.0) * deviation,
        luma_px=random.uniform(0.7, 2.0),
        chroma_px=random.uniform(0.5, 2.0),
    )
    return Development(
        shot, read, reduction, random.uniform(0.0, 1.5), random.uniform(0.5, 1.5)
    )
