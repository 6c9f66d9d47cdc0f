"""Scenes blurred by real lenses: a bank of kernels, and layers blurred with it in linear light.

A lens has kernels at *nodes*: diameter 0, and steps of 1 px and more on both sides."""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.scene.colour_psf import colour_psfs, trimmed
from defocus.scene.compositor import (
    LightShare,
    SurfacePixels,
    composited,
    for_correlation,
    foremost,
    merged,
)
from defocus.scene.depth import Focus
from defocus.scene.drawn_lens import draw_lens
from defocus.scene.lens_file import MeasuredLens
from defocus.scene.occluders import StreamScene
from defocus.scene.pictures import Branch
from defocus.scene.real_lens import OffAxis, Place, RealLens
from defocus.scene.window import Window

Array = NDArray[np.float32]

OPTICS = 200
"""Number of lenses, each seen at one place of its field. The kernels of each are made once."""

BANK_BYTES = 192 * 2**20
SEEDS: dict[Branch, int] = {"train": 0, "held-out": 1}

LARGEST_PX = 32.0
STEP_PX = 1.0
STEPS_GROW_FROM = 8.0
OFFSET_PX = (0.5, 1.25)

CORRECTED_SHARE = 0.6
"""Share of the lenses with little aberration, as newer lenses with aspheres have."""

LEFT_OVER = 0.3
"""Largest share of a traced lens's aberrations that is left in a well-corrected lens."""

LOST_SHARE = 0.002
"""Share of a kernel's light, in its far rings, that is left out so that kernels stay small."""

LARGEST_ERROR_PX = 1.2
"""Largest spread of a kernel near focus; lenses that are worse there are drawn again."""

IN_FOCUS = np.ones((1, 1, 1), np.float32)


@dataclass(frozen=True)
class Optic:
    """A lens at one place of its field."""

    lens: RealLens  # the lens, its aperture and the pixel pitch
    field: Place
    nodes: tuple[float, ...]  # signed diameters of its kernels, ascending, px


class KernelBank:
    """Kernels of many lenses, made on first use, with limited memory."""

    # A kernel does not depend on earlier requests. ``lens`` is the one lens, at many places of its
    # field; None draws many lenses of the branch. ``diameters_px`` are those, ascending, at which
    # every lens has a kernel on either side of the focus; none: up to LARGEST_PX, other ones for
    # each lens.

    def __init__(
        self,
        branch: Branch,
        most_bytes: int = BANK_BYTES,
        lens: MeasuredLens | None = None,
        diameters_px: Sequence[float] = (),
    ) -> None:
        self.branch = branch
        self.most_bytes = most_bytes
        self.lens = lens
        self.diameters_px = tuple(diameters_px)
        self._kernels: OrderedDict[tuple[int, int], Array] = OrderedDict()
        self._bytes = 0
        self._optics: dict[int, Optic] = {}

    def optic(self, index: int) -> Optic:
        """The lens with a number."""
        if index not in self._optics:
            if self.lens is None:
                optic = _optic(self.branch, index)
            else:
                optic = self._measured(self.lens, index)
            if self.diameters_px:
                optic = replace(optic, nodes=_both_sides(self.diameters_px))
            self._optics[index] = optic
        return self._optics[index]

    def _measured(self, lens: MeasuredLens, index: int) -> Optic:
        """A measured lens with one of its f-numbers, at a random place of its field."""
        random = _random(self.branch, index)
        offset = random.uniform(*OFFSET_PX)
        f_number = random.choice(lens.f_numbers)
        stopped = replace(lens.lens, f_number=float(f_number))
        return Optic(stopped, _place(random), _nodes(offset))

    def kernel(self, index: int, node: int) -> Array:
        """The kernel of a lens at one of its nodes, turned by half a turn for correlation.

        ``(3, K, K)`` float32, K odd; each colour adds up to 1."""
        key = index, node
        known = self._kernels.get(key)
        if known is not None:
            self._kernels.move_to_end(key)
            return known
        optic = self.optic(index)
        psfs = colour_psfs(optic.lens, optic.nodes[node], optic.field)
        kernel = for_correlation(trimmed(psfs, LOST_SHARE))
        self._kernels[key] = kernel
        self._bytes += kernel.nbytes
        while self._bytes > self.most_bytes and len(self._kernels) > 1:
            _, forgotten = self._kernels.popitem(last=False)
            self._bytes -= forgotten.nbytes
        return kernel


@lru_cache(maxsize=4096)
def _optic(branch: Branch, index: int) -> Optic:
    random = _random(branch, index)
    offset = random.uniform(*OFFSET_PX)
    while True:
        lens = draw_lens(random)
        if random.random() < CORRECTED_SHARE:
            lens = _corrected(lens, random.uniform(0.0, LEFT_OVER))
        place = _place(random)
        in_front = _spread(colour_psfs(lens, -1.0, place))
        behind = _spread(colour_psfs(lens, 1.0, place))
        if max(in_front, behind) <= LARGEST_ERROR_PX:
            return Optic(lens, place, _nodes(offset))


def _random(branch: Branch, index: int) -> Generator:
    seeds = np.random.SeedSequence([SEEDS[branch], index])
    return Generator(np.random.PCG64(seeds))


def _place(random: Generator) -> Place:
    """A place of the field, 1 = corner."""
    height = math.sqrt(random.uniform())
    angle = random.uniform(0, 2 * math.pi)
    x = height * math.cos(angle)
    y = height * math.sin(angle)
    return x, y


def _corrected(lens: RealLens, share: float) -> RealLens:
    """The lens with a share of its aberrations; aperture and rims stay."""

    def less(off: OffAxis) -> OffAxis:
        return OffAxis(share * off.at_07, share * off.at_corner)

    red_axial, blue_axial = lens.axial_colour_um
    red_lateral, blue_lateral = lens.lateral_colour_um
    return replace(
        lens,
        spherical=share * lens.spherical,
        spherical_6=share * lens.spherical_6,
        oblique_spherical=less(lens.oblique_spherical),
        coma=less(lens.coma),
        astigmatism=less(lens.astigmatism),
        field_curvature=less(lens.field_curvature),
        axial_colour_um=(share * red_axial, share * blue_axial),
        lateral_colour_um=(share * red_lateral, share * blue_lateral),
    )


def _nodes(offset: float) -> tuple[float, ...]:
    above = [offset]
    while above[-1] < LARGEST_PX:
        growth = max(1.0, above[-1] / STEPS_GROW_FROM)
        above.append(above[-1] + STEP_PX * growth)
    return _both_sides(above)


def _both_sides(diameters_px: Sequence[float]) -> tuple[float, ...]:
    """Diameters in front of the focus, in focus and behind it, ascending."""
    behind = list(map(float, diameters_px))
    in_front = [-one for one in reversed(behind)]
    return (*in_front, 0.0, *behind)


def _spread(kernels: NDArray[np.float64]) -> float:
    """Standard deviation of the light around the centre, for the worst colour, px."""
    side = kernels.shape[-1]
    places = np.arange(side) - side // 2
    square = places[:, None] ** 2 + places[None] ** 2
    mean_squares = (kernels * square).sum(axis=(1, 2))
    return math.sqrt(float(mean_squares.max()) / 2)


def nearest(optic: Optic, diameter: float) -> int:
    """Index of the node nearest to a diameter."""
    apart = np.abs(np.asarray(optic.nodes) - diameter)
    return int(apart.argmin())


def margin(
    bank: KernelBank,
    index: int,
    focus: Focus,
) -> int:
    """Distance from which light outside the border reaches into a picture, px."""
    optic = bank.optic(index)
    nodes = np.asarray(optic.nodes)
    if focus.near == focus.far:
        first = last = nearest(optic, focus.far)
    else:
        least = min(focus.near, focus.far)
        most = max(focus.near, focus.far)
        first = int(np.searchsorted(nodes, least, side="right")) - 1
        last = int(np.searchsorted(nodes, most, side="left"))
    used = [node for node in range(first, last + 1) if nodes[node]]
    reaches = [bank.kernel(index, node).shape[-1] // 2 for node in used]
    return max(reaches, default=0)


def snapped(optic: Optic, scene: StreamScene) -> StreamScene:
    """The scene with diameters of occluders, and of a constant background, moved to nodes."""
    low = float(scene.diameters.min())
    high = float(scene.diameters.max())
    diameters = scene.diameters
    if low == high:
        diameters = np.full_like(diameters, optic.nodes[nearest(optic, low)])
    occluders = []
    for one in scene.occluders:
        node = nearest(optic, one.diameter)
        occluders.append(replace(one, diameter=optic.nodes[node]))
    return replace(scene, diameters=diameters, occluders=tuple(occluders))


def blurred(
    bank: KernelBank,
    index: int,
    scene: StreamScene,
    border: int,
) -> Array:
    """Blur a scene with a lens: ``(H - 2 border, W - 2 border, 3)`` linear light."""
    # Surfaces blend two neighbouring nodes; occluders and single diameters take the nearest.
    optic = bank.optic(index)

    def kernel(node: int) -> Array:
        return bank.kernel(index, node) if optic.nodes[node] else IN_FOCUS

    canvas = Window.of(scene.diameters.shape)
    frame = canvas.grown(-border)
    shares = [
        LightShare(kernel(node), weight, window)
        for node, weight, window in _shares(optic, scene.diameters, frame)
    ]
    sheets = [
        SurfacePixels(
            scene.background,
            None,
            canvas,
            shares,
            blended=True,
        )
    ]
    for one in scene.occluders:
        own = []
        if one.diameter:
            node = nearest(optic, one.diameter)
            own.append(LightShare(kernel(node)))
        sheets.append(SurfacePixels(one.colour, one.alpha, one.window, own))
    return merged(composited(sheets, canvas, frame))


def all_in_focus(scene: StreamScene, border: int) -> Array:
    """Pinhole picture of a scene, in the frame of :func:`blurred`."""
    canvas = Window.of(scene.diameters.shape)
    frame = canvas.grown(-border)
    background = SurfacePixels(scene.background, None, canvas)
    objects = [
        SurfacePixels(one.colour, one.alpha, one.window) for one in scene.occluders
    ]
    return merged(composited([background, *objects], canvas, frame))


def sharp_diameters(scene: StreamScene, border: int) -> Array:
    """Signed diameter of the foremost point of each pixel, in the frame of :func:`blurred`."""
    canvas = Window.of(scene.diameters.shape)
    frame = canvas.grown(-border)
    diameters = scene.diameters[frame.index].copy()
    foremost(
        diameters,
        ((one.alpha, one.diameter, one.window) for one in scene.occluders),
        frame,
    )
    return diameters


def _shares(
    optic: Optic,
    diameters: Array,
    frame: Window,
) -> Iterator[tuple[int, Array, Window]]:
    """The nodes that the background needs, with their weights and where these are."""
    places = _places(optic, diameters[frame.index])
    rows = places.min(axis=1), places.max(axis=1)
    columns = places.min(axis=0), places.max(axis=0)
    for node in range(math.floor(places.min()), math.ceil(places.max()) + 1):
        top, bottom = _near(*rows, node)
        left, right = _near(*columns, node)
        box = Window(left, top, right, bottom)
        if not box.empty:
            apart = np.abs(places[box.index] - np.float32(node))
            weight = np.maximum(1 - apart, 0)
            yield node, weight, box.moved(frame.left, frame.top)


def _places(optic: Optic, diameters: Array) -> Array:
    """Where diameters lie between the numbers of the nodes."""
    nodes = np.asarray(optic.nodes, np.float32)
    numbers = np.arange(len(nodes), dtype=np.float32)
    return np.interp(diameters, nodes, numbers).astype(np.float32)


def _near(low: Array, high: Array, node: int) -> tuple[int, int]:
    """Range of the rows or columns that have places next to a node, by their extremes."""
    near = np.flatnonzero((low < node + 1) & (high > node - 1))
    if not near.size:
        return 0, 0
    return int(near[0]), int(near[-1]) + 1
