"""Scenes blurred by real lenses: a bank of kernels, and layers blurred with it in linear light.

A lens at one place of its field has kernels at some diameters, its *nodes*: 0, without blur, and on
both sides steps of 1 px that grow beyond 8 px, with an individual offset. Surfaces are blends of
copies blurred at two neighbouring nodes; occluders, and scenes with a single diameter, use the
nearest node.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from defocus.datasets.stream.depth import Focus
from defocus.datasets.stream.photographs import Branch
from defocus.datasets.stream.scene import Occluder, StreamScene
from defocus.scene.colour_psf import colour_psfs
from defocus.scene.drawn_lens import draw_lens
from defocus.scene.lens_file import MeasuredLens
from defocus.scene.real_lens import OffAxis, RealLens

__all__ = ["KernelBank", "Optic", "all_in_focus", "blurred", "margin", "nearest", "sharp_diameters"]

Array = NDArray[np.float32]

OPTICS = 200
"""Lenses at places of their field; each has its kernels made once."""

BANK_BYTES = 192 * 2**20
SEEDS: dict[Branch, int] = {"train": 0, "held-out": 1}

LARGEST_PX = 32.0
STEP_PX = 1.0
STEPS_GROW_FROM = 8.0
OFFSET_PX = (0.5, 1.25)

CORRECTED_SHARE = 0.6
"""So many lenses have little aberration, as newer lenses with aspheres have."""

LEFT_OVER = 0.3
"""At most so much of a traced lens's aberrations is left in a well-corrected one."""

LOST_SHARE = 0.002
"""Light in the far rings of a kernel that is left out, so that kernels stay small."""

LARGEST_ERROR_PX = 1.2
"""Largest spread of a kernel near focus; lenses that are worse there are drawn again."""

DIRECT_UNTIL = 11
"""Kernels of at most so many pixels each way are faster without Fourier transforms."""


@dataclass(frozen=True)
class Optic:
    """A lens at one place of its field.

    Attributes:
        lens: The lens, its aperture and the pixel pitch.
        field: Place (x, y) in the picture, 1 = distance of the corner.
        nodes: Signed diameters of its kernels, ascending, px.
    """

    lens: RealLens
    field: tuple[float, float]
    nodes: tuple[float, ...]


class KernelBank:
    """Kernels of many lenses, made on first use, with limited memory.

    A kernel does not depend on earlier requests.

    Args:
        branch: The branch of the lenses.
        most_bytes: Memory limit of the kept kernels, bytes.
        lens: The one lens, at many places of its field; None draws many lenses.
    """

    def __init__(
        self, branch: Branch, most_bytes: int = BANK_BYTES, lens: MeasuredLens | None = None
    ) -> None:
        self.branch = branch
        self.most_bytes = most_bytes
        self.lens = lens
        self._kernels: OrderedDict[tuple[int, int], Array] = OrderedDict()
        self._bytes = 0
        self._places: dict[int, Optic] = {}

    def optic(self, index: int) -> Optic:
        """The lens with a number."""
        return _optic(self.branch, index) if self.lens is None else self._of_lens(self.lens, index)

    def _of_lens(self, measured: MeasuredLens, index: int) -> Optic:
        """The lens at one of its f-numbers and a random place of its field."""
        if index not in self._places:
            random = _random(self.branch, index)
            offset, f_number = random.uniform(*OFFSET_PX), random.choice(measured.f_numbers)
            lens = replace(measured.lens, f_number=float(f_number))
            self._places[index] = Optic(lens, _place(random), _nodes(offset))
        return self._places[index]

    def kernel(self, index: int, node: int) -> Array:
        """The kernel of a lens at one of its nodes.

        Args:
            index: Number of the lens.
            node: Index of the node.

        Returns:
            ``(3, K, K)`` float32, K odd, each colour adds up to 1; rotated by half a turn, for
            correlation.
        """
        key = index, node
        found = self._kernels.get(key)
        if found is None:
            optic = self.optic(index)
            found = _trimmed(colour_psfs(optic.lens, optic.nodes[node], optic.field))
            self._kernels[key] = found
            self._bytes += found.nbytes
            while self._bytes > self.most_bytes and len(self._kernels) > 1:
                _, forgotten = self._kernels.popitem(last=False)
                self._bytes -= forgotten.nbytes
        else:
            self._kernels.move_to_end(key)
        return found


@lru_cache(maxsize=4096)
def _optic(branch: Branch, index: int) -> Optic:
    random = _random(branch, index)
    offset = random.uniform(*OFFSET_PX)
    while True:
        lens = draw_lens(random)
        if random.random() < CORRECTED_SHARE:
            lens = _corrected(lens, random.uniform(0.0, LEFT_OVER))
        place = _place(random)
        if max(_spread(colour_psfs(lens, d, place)) for d in (-1.0, 1.0)) <= LARGEST_ERROR_PX:
            return Optic(lens, place, _nodes(offset))


def _random(branch: Branch, index: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([SEEDS[branch], index])))


def _place(random: np.random.Generator) -> tuple[float, float]:
    """A place of the field, 1 = corner."""
    height, angle = math.sqrt(random.uniform()), random.uniform(0, 2 * math.pi)
    return height * math.cos(angle), height * math.sin(angle)


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
        above.append(above[-1] + STEP_PX * max(1.0, above[-1] / STEPS_GROW_FROM))
    return (*(-one for one in reversed(above)), 0.0, *above)


def _spread(kernels: NDArray[np.float64]) -> float:
    """Standard deviation of the light around the centre, for the worst colour, px."""
    places = np.arange(kernels.shape[-1]) - kernels.shape[-1] // 2
    square = places[:, None] ** 2 + places[None] ** 2
    return math.sqrt(float((kernels * square).sum(axis=(1, 2)).max()) / 2)


def _trimmed(kernels: NDArray[np.float64]) -> Array:
    """Trim almost empty borders of a kernel and rotate it by half a turn."""
    half = kernels.shape[-1] // 2
    while half > 1:
        inner = kernels[:, 1:-1, 1:-1]
        if float(inner.sum(axis=(1, 2)).min()) < 1 - LOST_SHARE:
            break
        kernels, half = inner, half - 1
    turned = kernels[:, ::-1, ::-1] / kernels.sum(axis=(1, 2), keepdims=True)
    return np.ascontiguousarray(turned, np.float32)


def nearest(optic: Optic, diameter: float) -> int:
    """Index of the node nearest to a diameter."""
    return int(np.abs(np.asarray(optic.nodes) - diameter).argmin())


def margin(bank: KernelBank, index: int, focus: Focus) -> int:
    """Distance from which light outside the border reaches into a picture, px."""
    nodes = np.asarray(bank.optic(index).nodes)
    first = int(np.searchsorted(nodes, min(focus.near, focus.far), side="right")) - 1
    last = int(np.searchsorted(nodes, max(focus.near, focus.far), side="left"))
    if focus.near == focus.far:
        first = last = nearest(bank.optic(index), focus.far)
    used = [node for node in range(first, last + 1) if nodes[node]]
    return max((bank.kernel(index, node).shape[-1] // 2 for node in used), default=0)


def snapped(optic: Optic, scene: StreamScene) -> StreamScene:
    """The scene with diameters of occluders, and of a constant background, moved to nodes."""
    low, high = float(scene.diameters.min()), float(scene.diameters.max())
    diameters = scene.diameters
    if low == high:
        diameters = np.full_like(diameters, optic.nodes[nearest(optic, low)])
    occluders = (replace(o, diameter=optic.nodes[nearest(optic, o.diameter)])
                 for o in scene.occluders)  # fmt: skip
    return replace(scene, diameters=diameters, occluders=tuple(occluders))


def blurred(bank: KernelBank, index: int, scene: StreamScene, border: int) -> Array:
    """Blur a scene with a lens.

    Args:
        bank: The bank with the lens.
        index: Number of the lens.
        scene: A scene with occluders at nodes, see :func:`snapped`.
        border: Border of the scene that is visible only in the blur, as :func:`margin` gives it.

    Returns:
        ``(H - 2 border, W - 2 border, 3)`` linear light.
    """
    light = _surface(bank, index, scene, border)
    for occluder in scene.occluders:
        node = nearest(bank.optic(index), occluder.diameter)
        kernel = bank.kernel(index, node) if occluder.diameter else None
        _put_before(light, occluder, kernel, border)
    return _merged(light)


def all_in_focus(scene: StreamScene, border: int) -> Array:
    """Pinhole picture of a scene, in the frame of :func:`blurred`."""
    light = _planes(_inner(scene.background, border))
    for occluder in scene.occluders:
        _put_before(light, occluder, None, border)
    return _merged(light)


def sharp_diameters(scene: StreamScene, border: int) -> Array:
    """Signed diameter of the foremost point of each pixel, in the frame of :func:`blurred`."""
    diameters = scene.diameters.copy()
    for one in scene.occluders:
        rows, columns = one.alpha.shape
        part = diameters[one.top : one.top + rows, one.left : one.left + columns]
        part[one.alpha > 0.5] = one.diameter
    return np.ascontiguousarray(_inner(diameters, border))


def _inner(picture: Array, border: int) -> Array:
    return picture[border : picture.shape[0] - border, border : picture.shape[1] - border]


def _planes(picture: Array) -> Array:
    planes = np.empty((3, *picture.shape[:2]), np.float32)
    for number, plane in enumerate(planes):
        cv2.extractChannel(picture, number, plane)
    return planes


def _merged(planes: Array) -> Array:
    return np.asarray(cv2.merge(list(planes)), np.float32)


def _surface(bank: KernelBank, index: int, scene: StreamScene, border: int) -> Array:
    """The background: a blend of copies blurred at neighbouring nodes."""
    planes = _planes(scene.background)
    light = np.zeros((3, *_inner(scene.diameters, border).shape), np.float32)
    for node, weight, (top, bottom, left, right) in _shares(bank.optic(index), scene, border):
        if bank.optic(index).nodes[node] == 0:
            rows = slice(top + border, bottom + border)
            copy = planes[:, rows, left + border : right + border]
        else:
            kernel = bank.kernel(index, node)
            reach = kernel.shape[-1] // 2
            low, high = border - reach, border + reach
            copy = _correlated(
                planes[:, top + low : bottom + high, left + low : right + high], kernel
            )
        part = light[:, top:bottom, left:right]
        np.add(part, weight * copy, out=part)
    return light


def _shares(
    optic: Optic, scene: StreamScene, border: int
) -> Iterator[tuple[int, Array, tuple[int, int, int, int]]]:
    """The nodes that the background needs, with their weights and bounding boxes."""
    diameters = _inner(scene.diameters, border)
    nodes = np.asarray(optic.nodes, np.float32)
    places = np.interp(diameters, nodes, np.arange(len(nodes), dtype=np.float32))
    places = places.astype(np.float32)
    by_row, by_column = ((places.min(axis=axis), places.max(axis=axis)) for axis in (1, 0))
    for node in range(math.floor(by_row[0].min()), math.ceil(by_row[1].max()) + 1):
        near = [(low < node + 1) & (high > node - 1) for low, high in (by_row, by_column)]
        rows, columns = (np.flatnonzero(one) for one in near)
        if rows.size and columns.size:
            box = (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
            part = places[box[0] : box[1], box[2] : box[3]]
            yield node, np.maximum(1 - np.abs(part - np.float32(node)), 0), box


def _correlated(planes: Array, kernel: Array) -> Array:
    """Correlate planes with kernels, where the kernels lie inside.

    Args:
        planes: ``(C, H, W)``, C a multiple of 3: repeated colours.
        kernel: ``(3, K, K)``.

    Returns:
        ``(C, H - K + 1, W - K + 1)``.
    """
    size = kernel.shape[-1]
    rows, columns = planes.shape[1] - size + 1, planes.shape[2] - size + 1
    if size <= DIRECT_UNTIL:
        half = size // 2
        filtered = [
            cv2.filter2D(plane, -1, kernel[number % 3], borderType=cv2.BORDER_CONSTANT)
            for number, plane in enumerate(planes)
        ]
        return np.stack([one[half : half + rows, half : half + columns] for one in filtered])
    shape = [scipy.fft.next_fast_len(side, real=True) for side in planes.shape[1:]]
    response = scipy.fft.rfft2(kernel, shape).conj()
    spectrum = scipy.fft.rfft2(planes, shape).reshape(-1, *response.shape)
    product = (spectrum * response).reshape(-1, *response.shape[1:])
    return np.asarray(scipy.fft.irfft2(product, shape)[:, :rows, :columns], np.float32)


def _put_before(light: Array, occluder: Occluder, kernel: Array | None, border: int) -> None:
    """Composite an occluder over its background, with light and opacity blurred separately."""
    alpha = np.broadcast_to(occluder.alpha, (3, *occluder.alpha.shape))
    both = np.concatenate([_planes(occluder.colour) * alpha, alpha])
    reach = 0
    if kernel is not None:
        reach = kernel.shape[-1] // 2
        both = _correlated(np.pad(both, ((0, 0), (2 * reach,) * 2, (2 * reach,) * 2)), kernel)
    top, left = occluder.top - border - reach, occluder.left - border - reach
    source, target = [], []
    for begin, size, frame in zip((top, left), both.shape[1:], light.shape[1:], strict=True):
        first, last = max(begin, 0), min(begin + size, frame)
        if first >= last:
            return
        source.append(slice(first - begin, last - begin))
        target.append(slice(first, last))
    colour, opacity = both[:3, source[0], source[1]], both[3:, source[0], source[1]]
    behind = light[:, target[0], target[1]]
    light[:, target[0], target[1]] = behind + colour - np.clip(opacity, 0, 1) * behind
