"""Blurry pictures of a camera's size: a held-out photograph, a size and a blur make one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import cv2
import numpy as np

from defocus.blur.learned_map import BlurMap, estimate_blur_map
from defocus.datasets.stream.native import (
    NATIVE_REVISION,
    FullSize,
    NativeBlur,
    NativeRenderer,
)
from defocus.datasets.stream.patches import STREAM_REVISION
from defocus.pictures.values import as_float, as_integer
from defocus.scene.camera import StreamCamera
from defocus.scene.depth import Focus
from defocus.scene.kernel_bank import nearest
from defocus.scene.sensor import Sensor
from research.light import Array

DIAMETERS_PX = (4, 8, 12, 24, 36, 48, 64, 96, 128)
"""Diameters of a circle of confusion that is the same everywhere, px."""
RAMPS_PX = (48, 96)
"""Circles of confusion, px, at the ends of the ramps, which begin in focus."""
MEGAPIXELS = (3, 12, 24)
"""Sizes of the pictures; MOST says how many photographs each has."""
MOST = {
    3: 8,
    12: 3,
    24: 2,
}
"""Number of photographs of each size, so that all sizes together take about the same time: twelve
megapixels take four times as long as three."""
OTHERS = 2
"""Number of photographs of a size that MOST does not name."""

FULL_WELL_E, READ_E = Sensor().full_well_e, Sensor().read_noise_e
CAMERA = StreamCamera(shot=1 / FULL_WELL_E, read=(READ_E / FULL_WELL_E) ** 2)
"""The curve of sRGB and the noise of the sample dataset's sensor, 0.004 of white at mid-grey."""

CROP_PX = 256
"""Side of a part that is shown at 1:1."""


@dataclass(frozen=True)
class Blur:
    """A column of the table."""

    name: str  # as in its head and on the command line
    layers: NativeBlur

    @property
    def diameter_px(self) -> float | None:
        """The circle of confusion where it is the same everywhere; None on a ramp."""
        focus = self.layers.focus
        return focus.far if focus.far == focus.near else None


def _uniform(diameter_px: float) -> Blur:
    """Every layer blurred alike: one kernel is true but where layers hide each other."""
    focus = Focus(diameter_px, diameter_px)
    layers = NativeBlur("constant", focus, (diameter_px, diameter_px))
    return Blur(f"{diameter_px:g}", layers)


def _ramp(end_px: float) -> Blur:
    """A slanted background; before it an object with half of its blur and one in focus."""
    layers = NativeBlur("plane", Focus(end_px, 0.0), (end_px / 2, 0.0))
    return Blur(f"0-{end_px:g}", layers)


_UNIFORM_AND_RAMPS = (*map(_uniform, DIAMETERS_PX), *map(_ramp, RAMPS_PX))

BLURS = {blur.name: blur for blur in _UNIFORM_AND_RAMPS}
"""Blurs by name, in the order of the table."""


@dataclass(frozen=True)
class Given:
    """Input of a system."""

    blurry: Array  # ``(H, W, 3)`` in [0, 1], of 8 bits
    kernel: Array | None = (
        None  # ``(3, K, K)``, the true one of each colour; None where it varies
    )
    diameter_px: float = 0.0  # of the kernel

    @cached_property
    def blur_map(self) -> BlurMap:
        """Our own estimate, once for all systems."""
        return estimate_blur_map(self.blurry)


@dataclass(frozen=True)
class Rendered:
    """A picture to restore and what is true of it."""

    given: Given
    sharp: Array  # ``(H, W, 3)`` in [0, 1]
    diameters: Array  # ``(H, W)`` circle of confusion, px, not signed

    @cached_property
    def shown(self) -> tuple[slice, slice]:
        """The part to show at 1:1: the one with the most detail among the most blurred."""
        grey = cv2.cvtColor(self.sharp, cv2.COLOR_RGB2GRAY)
        detail = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
        little_blurred = self.diameters < self.diameters.max() / 2
        detail[little_blurred] = 0
        mean = cv2.boxFilter(detail, -1, (CROP_PX, CROP_PX))
        half = CROP_PX // 2
        # middles of parts that lie in the picture
        inside = mean[half:-half, half:-half]
        best = int(inside.argmax())
        top, left = divmod(best, inside.shape[1])
        rows = slice(top, top + CROP_PX)
        columns = slice(left, left + CROP_PX)
        return rows, columns


@dataclass(frozen=True)
class Case:
    """One picture of the table."""

    number: int  # of the photograph
    megapixels: float
    blur: Blur

    @property
    def name(self) -> str:
        """Name of the case in messages."""
        return f"photograph {self.number}, {self.megapixels:g} MP, {self.blur.name} px"


def cases_of(
    files: Sequence[FullSize],
    megapixels: float,
    blurs: Sequence[Blur],
    most: int | None,
) -> list[Case]:
    """The pictures of a size: of the first photographs by hash that are as large."""
    # Where none is, the largest ones are mirrored at their edges.
    count = MOST.get(int(megapixels), OTHERS) if most is None else most
    least = 1e6 * megapixels
    numbers = range(len(files))
    large = [number for number in numbers if files[number].pixels >= least]
    by_size = sorted(numbers, key=lambda number: -files[number].pixels)
    cases: list[Case] = []
    for number in (large or by_size)[:count]:
        cases += [Case(number, megapixels, blur) for blur in blurs]
    return cases


def rendered(renderer: NativeRenderer, case: Case) -> Rendered:
    """Render a picture and round it to 8 bits."""
    pixels = round(1e6 * case.megapixels)
    pair = renderer.picture(case.number, pixels, case.blur.layers, CAMERA)
    blurry = as_float(as_integer(pair.blurry, 8))
    diameters = np.abs(pair.diameters)
    diameter_px = case.blur.diameter_px
    if diameter_px is None:
        return Rendered(Given(blurry), pair.sharp, diameters)
    node = nearest(renderer.bank.optic(pair.optic), diameter_px)
    turned = renderer.bank.kernel(pair.optic, node)
    kernel = np.ascontiguousarray(turned[:, ::-1, ::-1])
    return Rendered(Given(blurry, kernel, diameter_px), pair.sharp, diameters)


def content_of(renderer: NativeRenderer, case: Case) -> dict[str, object]:
    """Everything that determines a rendered picture, as JSON values."""
    return {
        "native": NATIVE_REVISION,
        "stream": STREAM_REVISION,
        "number": case.number,
        "photographs": [one.sha256 for one in renderer.layers(case.number)],
        "megapixels": case.megapixels,
        "blur": asdict(case.blur),
        "camera": asdict(CAMERA),
    }
