"""Render one scene as a pair with its full ground truth."""

import math
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.datasets.pair import Pair, Split, with_files
from defocus.datasets.pair_files import ARRAYS, member_name, member_names
from defocus.datasets.rendering.scene import DrawnMisalignment, Scene, SceneCamera
from defocus.pictures.values import Image, as_integer, linear_to_srgb
from defocus.pictures.write import write_array, write_image
from defocus.scene.aperture import Aperture
from defocus.scene.geometry import Similarity
from defocus.scene.layers import Layer, defocus_map, render, render_through
from defocus.scene.motion import moved
from defocus.scene.real_lens import RealLens
from defocus.scene.sensor import exposed, recorded_views, seed_of, view_difference
from defocus.scene.surfaces import Canvas
from defocus.scene.thin_lens import Lens
from defocus.storage.files import make_folder

RENDERING_REVISION = 1
"""Revision of rendered pixels, flow, defocus maps and drawn misalignment. Raising it renders the
sample and every request again, and measures and trains on them again. ``tests/golden`` fails if
you forget."""


FINENESS = 2
"""Number of drawn pixels for each pixel of the pictures, each way."""

PICTURES = ("blurry", "sharp", "truth")
VIEWS = ("dual_pixel_left", "dual_pixel_right")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RenderedPair:
    """A pair and its ground truth.

    Attributes:
        blurry: ``(H, W, 3)`` uint16, sRGB.
        sharp: The sharp picture in the same form, displaced and exposed as a second shot is.
        truth: The all-in-focus picture in the same form, in the geometry of ``blurry``.
        flow: ``(2, H, W)`` float32, px, from blurry to sharp.
        defocus_map: ``(H, W)`` float32, signed diameter of the circle of confusion, px.
        views: Left and right dual-pixel views in the form of ``blurry``, which is their mean in
            linear light; None if the camera has none.
        metadata: Optics, exposure and true misalignment, as JSON values.
    """

    blurry: Image
    sharp: Image
    truth: Image
    flow: NDArray[np.float32]
    defocus_map: NDArray[np.float32]
    views: tuple[Image, Image] | None
    metadata: dict[str, object]


def render_scene(
    scene: Scene,
    ranges: DrawnMisalignment,
    camera: SceneCamera,
    *,
    variant: str = "",
    aperture_factor: float = 1.0,
) -> RenderedPair:
    """Render one scene; equal arguments give equal pixels."""
    # The sharp picture is the pinhole picture of the scene, displaced by the true misalignment and
    # exposed differently; the truth is the same without displacement, noise or gain.
    fine = _layers(scene)
    layers = list(map(_coarser_layer, fine))
    view = _View(scene, camera, scene.lens(aperture_factor), layers)
    geometry, gain_ev = draw_misalignment(scene.name, ranges, variant)
    in_focus = render(fine, None)
    displaced = np.maximum(moved(in_focus, _finer(geometry)), 0.0)
    seed = partial(seed_of, scene.name, variant)
    blurry = exposed(view.light(), camera.sensor, seed("blurry"))
    sharp = view.seen(displaced)
    circles = view.circles()
    return RenderedPair(
        blurry=_picture(blurry),
        sharp=_picture(exposed(sharp, camera.sensor, seed("sharp"), -gain_ev)),
        truth=_picture(view.seen(in_focus)),
        flow=geometry.flow(*scene.size).astype(np.float32),
        defocus_map=circles,
        views=view.halves(blurry, seed("views")),
        metadata=view.metadata(geometry, gain_ev, circles),
    )


def _layers(scene: Scene) -> list[Layer]:
    """The layers of a scene in canvas pixels."""
    canvas = Canvas(*scene.size, scene.margin_px, FINENESS)
    layers: list[Layer] = []
    for surface in scene.surfaces:
        layers += surface.layers(canvas)
    return layers


@dataclass(frozen=True)
class _View:
    """A scene in front of a lens and a camera."""

    scene: Scene
    camera: SceneCamera
    lens: Lens
    layers: list[Layer]  # in final pixels

    def framed(self, picture: Array) -> Array:
        """A picture without the margin around the frame."""
        edge = self.scene.margin_px
        return picture[edge:-edge, edge:-edge]

    def seen(self, fine: Array) -> Array:
        """A picture in canvas pixels as the sensor's pixels see it, without the margin."""
        return self.framed(_coarser(fine))

    def circles(self) -> NDArray[np.float32]:
        """Signed circle-of-confusion diameter, px."""
        diameters = defocus_map(self.layers, self.lens)
        return self.framed(diameters).astype(np.float32)

    def light(self) -> Array:
        """The scene's light behind its lens, cropped to the frame."""
        if self.camera.real is None:
            picture = render(self.layers, self.lens, self.camera.aperture)
        else:
            real = self.scene.real_lens(self.camera.real)
            margin = self.scene.margin_px
            picture = render_through(self.layers, self.lens, real, margin)
        return self.framed(picture)

    def halves(self, blurry: Array, seed: int) -> tuple[Image, Image] | None:
        """Views recorded by a dual-pixel sensor; None for other sensors."""
        camera = self.camera
        if camera.dual_pixel is None:
            return None
        apart = view_difference(
            self.layers,
            self.lens,
            camera.dual_pixel,
            camera.aperture,
        )
        left, right = recorded_views(blurry, self.framed(apart), camera.sensor, seed)
        return _picture(left), _picture(right)

    def metadata(
        self, geometry: Similarity, gain_ev: float, circles: NDArray[np.float32]
    ) -> dict[str, object]:
        """Known facts of the pair, for its manifest."""
        camera = self.camera
        aperture: Aperture | RealLens = camera.aperture
        if camera.real is not None:
            aperture = self.scene.real_lens(camera.real)
        dual_pixel = camera.dual_pixel
        return {
            "lens": asdict(self.lens),
            "aperture": asdict(aperture),
            "dual_pixel": None if dual_pixel is None else asdict(dual_pixel),
            "sources": list(self.scene.pictures),
            "true_misalignment": {
                "shift_px": list(geometry.shift_px),
                "zoom": geometry.zoom,
                "rotation_deg": geometry.rotation_deg,
                "gain_ev": gain_ev,
            },
            "circle_of_confusion_px": {
                "min": float(circles.min()),
                "max": float(circles.max()),
            },
            "sensor": asdict(camera.sensor),
        }


def draw_misalignment(
    name: str, ranges: DrawnMisalignment, variant: str = ""
) -> tuple[Similarity, float]:
    """The true misalignment of a pair and its exposure difference (blurry over sharp, EV)."""
    uniform = _uniform(seed_of(name, variant, "misalignment"))

    def magnitude(limits: tuple[float, float], k: int) -> float:
        least, most = limits
        return least + (most - least) * uniform[k]

    def sign(k: int) -> float:
        return 1.0 if uniform[k] < 0.5 else -1.0

    angle = 2.0 * math.pi * uniform[0]
    length = magnitude(ranges.shift_px, 1)
    right = length * math.cos(angle)
    down = length * math.sin(angle)
    geometry = Similarity(
        zoom=1.0 + sign(2) * magnitude(ranges.zoom, 3),
        rotation_deg=sign(4) * magnitude(ranges.rotation_deg, 5),
        shift_px=(right, down),
    )
    return geometry, sign(6) * magnitude(ranges.gain_ev, 7)


def _uniform(seed: int) -> list[float]:
    """Eight numbers from 0 to 1, the same with every version of numpy."""
    raw = np.random.PCG64(seed).random_raw(8)
    leading_bits = raw >> np.uint64(11)
    numbers: list[float] = (leading_bits * 2.0**-53).tolist()
    return numbers


def _finer(geometry: Similarity) -> Similarity:
    """Convert a displacement to canvas pixels."""
    x, y = geometry.shift_px
    return replace(geometry, shift_px=(x * FINENESS, y * FINENESS))


def _coarser(values: Array) -> Array:
    """Average canvas pixels to final pixels, like a sensor pixel."""
    rows = values.shape[0] // FINENESS
    columns = values.shape[1] // FINENESS
    mean = cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(mean)


def _coarser_layer(layer: Layer) -> Layer:
    alpha = _coarser(layer.alpha)
    light = _coarser(layer.colour * layer.alpha[:, :, None])
    divisor = np.maximum(alpha, 1e-12)
    colour = light / divisor[:, :, None]
    return Layer(colour, alpha, layer.depth_mm)


def _picture(linear: Array) -> Image:
    stored = linear_to_srgb(np.clip(linear, 0.0, 1.0))
    return as_integer(stored, 16)


def write_rendered(folder: Path, rendered: RenderedPair) -> None:
    """Write the pictures and the ground truth of a pair."""
    make_folder(folder)
    for role in PICTURES:
        write_image(folder / member_name(role), getattr(rendered, role))
    for role, view in zip(VIEWS, rendered.views or (), strict=False):
        write_image(folder / member_name(role), view)
    for role in ARRAYS:
        write_array(folder / member_name(role), getattr(rendered, role))


def pair_in(
    folder: Path,
    name: str,
    split: Split,
    metadata: dict[str, object],
    *,
    views: bool = False,
) -> Pair:
    """The pair whose files :func:`write_rendered` wrote into a folder."""
    roles = (*PICTURES, *ARRAYS, *(VIEWS if views else ()))
    bare = Pair(name, name, split, folder, metadata=metadata)
    return with_files(bare, folder, member_names(roles))
