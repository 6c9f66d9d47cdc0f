"""One scene of the sample dataset as a pair with everything that is known about it."""

import math
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.datasets.sample.scenes import Scene, Variant
from defocus.datasets.sample.surfaces import Canvas
from defocus.images import Image, as_integer, linear_to_srgb
from defocus.optics.geometry import Similarity
from defocus.optics.renderer import Layer, defocus_map, moved, render
from defocus.optics.sensor import Sensor, exposed, seed_of
from defocus.optics.thin_lens import Lens

__all__ = ["RenderedPair", "render_scene"]

MARGIN_PX = 24
FINENESS = 2
SENSOR = Sensor()


@dataclass(frozen=True)
class RenderedPair:
    """A pair and its truth.

    Attributes:
        blurry, sharp, truth: ``(H, W, 3)`` uint16, sRGB.
        flow: ``(2, H, W)`` float32, px, from blurry to sharp.
        defocus_map: ``(H, W)`` float32, signed circle-of-confusion diameter, px.
        metadata: JSON values.
    """

    blurry: Image
    sharp: Image
    truth: Image
    flow: NDArray[np.float32]
    defocus_map: NDArray[np.float32]
    metadata: dict[str, object]


def render_scene(scene: Scene, variant: Variant) -> RenderedPair:
    """Render one scene; equal arguments give equal pixels.

    The sharp picture is the pinhole picture of the scene, displaced by the true misalignment and
    exposed differently; ``truth`` is the same without displacement, noise or gain.
    """
    width, height = scene.size
    canvas = Canvas(width, height, MARGIN_PX, FINENESS)
    fine = [layer for surface in scene.surfaces for layer in surface.layers(canvas)]
    geometry, gain_ev = misalignment(scene, variant)
    lens = scene.lens(variant.aperture_factor)
    in_focus = render(fine, None)
    displaced = np.maximum(moved(in_focus, _finer(geometry)), 0.0)
    coarse = [_coarser_layer(layer) for layer in fine]
    circles = _framed(defocus_map(coarse, lens)).astype(np.float32)
    seed = seed_of(scene.name, variant.name, "blurry"), seed_of(scene.name, variant.name, "sharp")
    return RenderedPair(
        blurry=_picture(exposed(_framed(render(coarse, lens)), SENSOR, seed[0])),
        sharp=_picture(exposed(_framed(_coarser(displaced)), SENSOR, seed[1], -gain_ev)),
        truth=_picture(_framed(_coarser(in_focus))),
        flow=geometry.flow(width, height).astype(np.float32),
        defocus_map=circles,
        metadata=_metadata(scene, lens, geometry, gain_ev, circles),
    )


def misalignment(scene: Scene, variant: Variant) -> tuple[Similarity, float]:
    """The true misalignment of a pair and its exposure difference (blurry over sharp, EV)."""
    draw = np.random.PCG64(seed_of(scene.name, variant.name, "misalignment"))
    uniform = (draw.random_raw(8) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def magnitude(limits: tuple[float, float], k: int) -> float:
        return limits[0] + (limits[1] - limits[0]) * float(uniform[k])

    def sign(k: int) -> float:
        return 1.0 if uniform[k] < 0.5 else -1.0

    angle = 2.0 * math.pi * float(uniform[0])
    length = magnitude(variant.shift_px, 1)
    geometry = Similarity(
        zoom=1.0 + sign(2) * magnitude(variant.zoom, 3),
        rotation_deg=sign(4) * magnitude(variant.rotation_deg, 5),
        shift_px=(length * math.cos(angle), length * math.sin(angle)),
    )
    return geometry, sign(6) * magnitude(variant.gain_ev, 7)


def _finer(geometry: Similarity) -> Similarity:
    """The same displacement in canvas pixels."""
    x, y = geometry.shift_px
    return Similarity(geometry.zoom, geometry.rotation_deg, (x * FINENESS, y * FINENESS))


def _coarser(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Final pixels from canvas pixels: each the mean over its area, as a sensor pixel has it."""
    rows, columns = values.shape[0] // FINENESS, values.shape[1] // FINENESS
    return np.asarray(cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA))


def _coarser_layer(layer: Layer) -> Layer:
    alpha = _coarser(layer.alpha)
    light = _coarser(layer.colour * layer.alpha[:, :, None])
    colour = light / np.maximum(alpha, 1e-12)[:, :, None]
    return Layer(colour, alpha, layer.depth_mm)


def _framed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut the margin off."""
    return values[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]


def _picture(linear: NDArray[np.float64]) -> Image:
    return as_integer(linear_to_srgb(np.clip(linear, 0.0, 1.0)), 16)


def _metadata(
    scene: Scene,
    lens: Lens,
    geometry: Similarity,
    gain_ev: float,
    circles: NDArray[np.float32],
) -> dict[str, object]:
    return {
        "lens": asdict(lens),
        "sources": list(scene.pictures),
        "true_misalignment": {
            "shift_px": list(geometry.shift_px),
            "zoom": geometry.zoom,
            "rotation_deg": geometry.rotation_deg,
            "gain_ev": gain_ev,
        },
        "circle_of_confusion_px": {"min": float(circles.min()), "max": float(circles.max())},
        "sensor": asdict(SENSOR),
    }
