"""Sessions of photographs: one lens, one camera, depth in every scene, and planted faults."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import Image, as_integer
from defocus.scene.camera import StreamCamera, draw_camera, recorded
from defocus.scene.geometry import Similarity
from defocus.scene.real_lens import RealLens
from research.alignment_truth.real_like.lens import lens_blurred
from research.alignment_truth.real_like.pair import sharp_lens
from research.alignment_truth.real_like.scene import (
    MARGIN_PX,
    RealLikeScene,
    draw_scene,
)
from research.light import (
    Matrix,
    Random,
    from_centre_squared,
    homogeneous,
    mixed_by_place,
    single,
)
from research.sharp_member.plants import Plant, disc_blurred

Light = NDArray[np.float32]

SHARP_APERTURE = 0.1
"""Diameter of the sharp member's aperture over that of the blurry one: f/2.2 and f/22."""
SOFTNESS_PX = 0.5
"""Standard deviation of the sharp member's diffraction."""
SHIFT_PX, ROTATION_DEG, ZOOM = 2.0, 0.05, 0.002
"""Largest shift (px) and rotation (degrees) of the camera between the two shots, and zoom by the
breathing of the lens."""
VIGNETTING_EV = 1.0
WEAK_TEXTURES = ("wall", "sky", "night")


@dataclass(frozen=True)
class SessionPair:
    """A pair of a session with the fault of its sharp member."""

    blurry: Image
    sharp: Image
    plant: Plant | None  # None of a good pair
    name: str  # of the photograph


@dataclass(frozen=True)
class Session:
    """Properties that all pairs of a session share."""

    files: tuple[Path, ...]
    seed: int
    lens: RealLens
    camera: StreamCamera

    @classmethod
    def of(cls, files: Sequence[Path], seed: int) -> "Session":
        """A session by its photographs and its seed."""
        draw = np.random.default_rng([seed, 0])
        camera = replace(
            draw_camera(draw),
            mosaic=False,
            grey=False,
            exposure=0.9,
            quality=95,
        )
        return cls(
            tuple(files),
            seed,
            sharp_lens(draw),
            camera,
        )

    def pair(
        self,
        number: int,
        plant: Plant | None,
        strength: int,
        weak: str = "",
    ) -> SessionPair:
        """A pair by its number; ``weak`` names a scene with hardly any texture."""
        draw = np.random.default_rng([self.seed, 1, number])
        scene = draw_scene(self.files, draw)
        light = _of_weak_texture(scene.light, weak, draw) if weak else scene.light
        inside = slice(MARGIN_PX, -MARGIN_PX)
        inner = (inside, inside)
        blurred = lens_blurred(light, scene.diameter, self.lens)
        blurry = np.maximum(blurred[inner], 0)
        sharp = self._sharp(light, scene, draw)
        if plant is not None:
            sharp = plant.change(sharp, plant.size[strength], draw)
        height, width = blurry.shape[:2]
        blurry *= _falloff(height, width)[..., None]
        return SessionPair(
            blurry=as_integer(recorded(self.camera, blurry, draw), 8),
            sharp=as_integer(recorded(self.camera, sharp, draw), 8),
            plant=plant,
            name=scene.name,
        )

    def _sharp(
        self,
        light: Light,
        scene: RealLikeScene,
        draw: Random,
    ) -> Light:
        """The light of the sharp member: a tenth of the blur, diffraction, another frame."""
        blur = SHARP_APERTURE * np.abs(scene.diameter)
        soft = single(cv2.GaussianBlur(light, (0, 0), SOFTNESS_PX))
        steps = [soft, disc_blurred(soft, 2.0), disc_blurred(soft, 4.0)]
        place = np.minimum(blur / 2, 2)
        seen = mixed_by_place(steps, place)
        height = light.shape[0] - 2 * MARGIN_PX
        width = light.shape[1] - 2 * MARGIN_PX
        back = _drawn_warp(draw, width, height)
        flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(
            seen,
            back[:2],
            (width, height),
            flags=flags,
        )
        return np.maximum(single(moved), 0)


def _drawn_warp(draw: Random, width: int, height: int) -> Matrix:
    """Transform from the sharp member's frame to the scene's light."""
    zoom = 1 + draw.uniform(-ZOOM, ZOOM)
    rotation_deg = draw.uniform(-ROTATION_DEG, ROTATION_DEG)
    right_px = draw.uniform(-SHIFT_PX, SHIFT_PX)
    down_px = draw.uniform(-SHIFT_PX, SHIFT_PX)
    warp = Similarity(zoom, rotation_deg, (right_px, down_px))
    back = np.linalg.inv(homogeneous(warp.matrix(width, height)))
    back[:2, 2] += MARGIN_PX
    return np.asarray(back, np.float64)


def _falloff(height: int, width: int) -> Light:
    stops = -VIGNETTING_EV * from_centre_squared((height, width))
    return single(2.0**stops)


def _of_weak_texture(light: Light, kind: str, draw: Random) -> Light:
    """A photograph turned into a plain wall, a sky over a strip of land, or a night."""
    mean = light.mean(axis=(0, 1))
    if kind == "wall":
        contrast = draw.uniform(0.05, 0.15)
        weak = mean + contrast * (light - mean)
        return single(weak)
    if kind == "night":
        dark = np.minimum(light, 1) ** 2
        return single(dark * draw.uniform(0.05, 0.2))
    height = light.shape[0]
    rows = np.arange(height)[:, None, None] / height
    sky = np.array([0.35, 0.5, 0.8]) * (0.6 + 0.5 * rows)
    horizon = draw.uniform(0.6, 0.8)
    land = np.clip((rows - horizon) / 0.02, 0, 1)
    mixed = (1 - land) * sky + land * light
    return single(mixed)
