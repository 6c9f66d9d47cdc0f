"""Scene or target in front of the simulated camera, its image on the sensor, and the truth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.capture.camera import Target
from defocus.capture.planning.exposure import Exposure
from defocus.capture.simulation.options import SENSOR_WIDTH_MM, SimulatedOptions
from defocus.capture.simulation.scene import (
    FOCUS_DISTANCE_MM,
    build_scene,
    require_scene,
)
from defocus.capture.simulation.sensor import (
    dust_shadow,
    exposure_scale,
    tint,
    vignette,
)
from defocus.reading import Json
from defocus.scene.geometry import Similarity
from defocus.scene.layers import Layer, defocus_map, render
from defocus.scene.motion import moved_layers
from defocus.scene.thin_lens import Lens, airy_diameter_px, circle_of_confusion_px

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TrueShot:
    """Ground truth of one shot; ``geometry`` leads from the first shot's positions to its own."""

    role: str
    exposure: Exposure
    lens: Lens
    geometry: Similarity
    error_ev: float  # exposure error relative to the settings
    object_px: float
    released_at: float  # start of the exposure, seconds of :func:`time.monotonic`


def combined(
    first: Similarity,
    second: Similarity,
    width: int,
    height: int,
) -> Similarity:
    """Combine two movements, one after the other."""
    before = _square(first, width, height)
    after = _square(second, width, height)
    matrix = np.linalg.multi_dot([after, before])
    return Similarity.from_matrix(matrix[:2], width, height)


def between(
    start: TrueShot,
    end: TrueShot,
    width: int,
    height: int,
) -> Similarity:
    """Transform between two shots: undo the movement of one, apply that of the other."""
    first = _square(start.geometry, width, height)
    second = _square(end.geometry, width, height)
    matrix = second @ np.linalg.inv(first)
    return Similarity.from_matrix(matrix[:2], width, height)


def _square(similarity: Similarity, width: int, height: int) -> Floats:
    affine = similarity.matrix(width, height)
    return np.vstack([affine, [0.0, 0.0, 1.0]])


def truth_document(
    blurry: TrueShot,
    sharp: TrueShot,
    shots: list[TrueShot],
    layers: list[Layer],
    size: tuple[int, int],
) -> Json:
    """``truth.json`` of a pair; each of its shots is described relative to the sharp one."""
    by_depth = []
    for layer in sorted(layers, key=lambda layer: layer.depth_mm):
        entry = {
            "depth_mm": layer.depth_mm,
            "blurry_coc_px": _coc(layer, blurry),
            "sharp_coc_px": _coc(layer, sharp),
        }
        by_depth.append(entry)
    return {
        "schema": 1,
        "misalignment": _similarity(between(blurry, sharp, *size)),
        "gain_ev": math.log2(_scale(blurry) / _scale(sharp)),
        "exposure_error_ev": {"blurry": blurry.error_ev, "sharp": sharp.error_ev},
        "shots": {shot.role: _shot(shot, sharp, size) for shot in shots},
        "layers": by_depth,
        "focal_length_mm": blurry.lens.focal_length_mm,
        "focus_distance_mm": blurry.lens.focus_distance_mm,
        "sensor_pitch_um": blurry.lens.sensor_pitch_um,
    }


def _similarity(similarity: Similarity) -> Json:
    return {
        "shift_px": list(similarity.shift_px),
        "zoom": similarity.zoom,
        "rotation_deg": similarity.rotation_deg,
    }


def _shot(shot: TrueShot, sharp: TrueShot, size: tuple[int, int]) -> Json:
    return {
        "from_sharp": _similarity(between(sharp, shot, *size)),
        "f_number": shot.exposure.f_number,
        "focus_distance_mm": shot.lens.focus_distance_mm,
        "error_ev": shot.error_ev,
        "object_px": shot.object_px - sharp.object_px,
    }


def _scale(shot: TrueShot) -> float:
    return exposure_scale(*shot.exposure.true, shot.error_ev)


def _coc(layer: Layer, shot: TrueShot) -> float:
    return float(circle_of_confusion_px(layer.depth_mm, shot.lens))


GREY_CARD = 0.18
"""Reflectance of a grey card."""

FLAT = 0.5
CARD_SHARE = 0.5
"""Side of the grey card over that of the picture."""

DISC_SHARE = 0.08

HELD_AT_MM = 2000.0
CELL_PX = 3


def target_layers(
    target: Target,
    scene: Sequence[Layer],
    distance_mm: float,
    seed: int,
    travelled_px: float,
) -> list[Layer]:
    """The layers of a target, as large as the scene's; a disc starts again at the right border."""
    height, width = scene[0].alpha.shape
    everywhere = np.ones((height, width))
    if target == "flat":
        return [Layer(np.full((height, width, 3), FLAT), everywhere, HELD_AT_MM)]
    if target == "chart":
        return [Layer(_chart(width, height, seed), everywhere, distance_mm)]
    if target == "moving":
        chart = Layer(_chart(width, height, seed), everywhere, distance_mm)
        disc = _disc(width, height, travelled_px)
        return [chart, Layer(np.ones((height, width, 3)), disc, distance_mm - 1.0)]
    return _with_grey_card(scene, height, width)


def _with_grey_card(scene: Sequence[Layer], height: int, width: int) -> list[Layer]:
    """The scene with a grey card before its middle."""
    card = np.zeros((height, width))
    rows = _card_part(height)
    columns = _card_part(width)
    card[rows, columns] = 1
    # Nothing is before the card: it is nearer than the nearest object.
    nearest_mm = min(layer.depth_mm for layer in scene)
    distance_mm = min(HELD_AT_MM, nearest_mm - 1.0)
    grey = np.full((height, width, 3), GREY_CARD)
    return [*scene, Layer(grey, card, distance_mm)]


def _card_part(side: int) -> slice:
    """The pixels of a side of the picture that the grey card covers."""
    half = round(side * CARD_SHARE / 2)
    middle = side // 2
    return slice(middle - half, middle + half)


def _chart(width: int, height: int, seed: int) -> Floats:
    """Chart of random grey cells of a few pixels, with detail in all directions."""
    random = np.random.default_rng([seed, 0xC4A7])
    count = (height // CELL_PX + 1, width // CELL_PX + 1)
    cells = random.uniform(0.15, 0.75, count)
    fine = np.repeat(cells, CELL_PX, axis=0)
    fine = np.repeat(fine, CELL_PX, axis=1)
    cropped = fine[:height, :width]
    return np.repeat(cropped[:, :, None], 3, axis=2)


def _disc(width: int, height: int, travelled_px: float) -> Floats:
    """Alpha of an anti-aliased disc at a distance from the left border."""
    y, x = np.mgrid[0:height, 0:width]
    centre_x = travelled_px % width
    distance = np.hypot(x - centre_x, y - height / 2)
    inside_px = DISC_SHARE * height - distance
    return np.asarray(np.clip(inside_px + 0.5, 0.0, 1.0))


FOCAL_LENGTH_MM = 50.0


class Stage:
    """A scene, or a target in front of it; built on first use."""

    def __init__(self, options: SimulatedOptions, chart_mm: float) -> None:
        """Make an empty stage with the charts at a distance."""
        require_scene(options.scene)
        self._options = options
        self._chart_mm = chart_mm
        self._name = ""
        self._scene: list[Layer] = []
        self._seen_as: tuple[str, Target | None, float, Similarity] | None = None
        self._seen_layers: list[Layer] = []
        self.target: Target | None = None

    def put_up(self, scene: str) -> None:
        """Set up the scene with that name, and remove targets."""
        if scene != self._name:
            self._name = scene
            self._scene = []
        self.target = None

    @property
    def layers(self) -> list[Layer]:
        """The layers of the scene before any movement."""
        if not self._scene:
            options = self._options
            size = (*options.size, self._margin)
            self._scene = build_scene(options.scene, options.seed, self._name, *size)
        return self._scene

    def layers_at(self, shot: TrueShot) -> list[Layer]:
        """The layers at a shot: the target, or the scene with its moving object."""
        if self.target == "test-chart":
            size = (*self._options.size, self._margin)
            (sheet,) = build_scene("chart", self._options.seed, self.target, *size)
            return [replace(sheet, depth_mm=self._chart_mm)]
        if self.target is not None:
            return target_layers(
                self.target,
                self.layers,
                self._chart_mm,
                self._options.seed,
                shot.object_px,
            )
        if shot.object_px == 0.0:
            return self.layers
        nearest = min(self.layers, key=lambda layer: layer.depth_mm)
        shift = Similarity(shift_px=(shot.object_px, 0.0))
        rest = [layer for layer in self.layers if layer is not nearest]
        return [*rest, *moved_layers([nearest], shift)]

    def signal(self, shot: TrueShot, *, in_focus: bool = False) -> Floats:
        """Light on the sensor, ``(H, W, 3)``, 1 = full well, without noise."""
        lens = None if in_focus else shot.lens
        radiance = self._crop(render(self._seen(shot), lens))
        options = self._options
        f_number = shot.exposure.f_number
        if options.diffraction and lens is not None:
            radiance = _diffracted(radiance, lens, options.diffraction)
        radiance *= exposure_scale(*shot.exposure.true, shot.error_ev)
        if options.warmth:
            radiance *= tint(options.warmth)
        if options.vignetting:
            radiance *= vignette(*options.size, options.vignetting, f_number)
        if options.dust and lens is not None:
            radiance *= dust_shadow(*options.size, options.dust, f_number, options.seed)
        return radiance

    def defocus_map(self, shot: TrueShot) -> Floats:
        """``(H, W)``: signed circle-of-confusion diameter of a shot, px."""
        return self._crop(defocus_map(self._seen(shot), shot.lens))

    def _seen(self, shot: TrueShot) -> list[Layer]:
        """The layers as a shot sees them. Those of the last shot are kept, for its truth."""
        key = (self._name, self.target, shot.object_px, shot.geometry)
        if key != self._seen_as:
            still = self.layers_at(shot)
            self._seen_layers = moved_layers(still, shot.geometry)
            self._seen_as = key
        return self._seen_layers

    @property
    def _margin(self) -> int:
        """Margin in pixels for blur (at f/1.4) and movement."""
        options = self._options
        widest = Lens(
            FOCAL_LENGTH_MM,
            1.4,
            FOCUS_DISTANCE_MM,
            SENSOR_WIDTH_MM * 1e3 / options.width,
        )
        blur = abs(float(circle_of_confusion_px(math.inf, widest))) / 2
        diagonal = math.hypot(*options.size) / 2
        turn = options.breathing + math.radians(options.rotation)
        return math.ceil(blur + options.shift + diagonal * turn) + 2

    def _crop(self, values: Floats) -> Floats:
        margin = self._margin
        return values[margin:-margin, margin:-margin]


def _diffracted(radiance: Floats, lens: Lens, strength: float) -> Floats:
    """Blur by the Airy disc, approximated by a Gaussian of width 0.42 λ N."""
    sigma_px = strength * 0.42 / 2.44 * airy_diameter_px(lens)
    return np.asarray(cv2.GaussianBlur(radiance, (0, 0), sigma_px))
