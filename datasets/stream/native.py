"""Pairs of the size of a camera's picture: held-out photographs at 1:1, blurred by up to 128 px."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np

from defocus.datasets.stream.patches import Renderer, StreamPair
from defocus.datasets.stream.photographs import (
    Photographs,
    is_held_out,
    read_photographs,
)
from defocus.errors import DatasetError
from defocus.pictures.read import read_image
from defocus.processes.isolation import LeftOut, attempt, say_left_out
from defocus.progress import track
from defocus.scene.camera import StreamCamera, recorded
from defocus.scene.depth import DepthKind, Focus, draw_nearness
from defocus.scene.full_size import BORDER_PX, DIAMETERS_PX, full_size_scene
from defocus.scene.kernel_bank import (
    OPTICS,
    KernelBank,
    all_in_focus,
    blurred,
    sharp_diameters,
    snapped,
)
from defocus.scene.pictures import Photograph

NATIVE_REVISION = 1
"""Revision of native pairs, raised by hand whenever a pair of the same number looks different."""

LEAST_PIXELS = 2_000_000
"""Photographs of fewer pixels are left out: no camera of this century has less."""
MOST_PIXELS = 12_000_000
"""Number of pixels above which only the middle of a photograph is taken, so that a pair stays below
150 MB."""
MOST_PAIRS = 24
"""Largest number of photographs that make pairs, the first by their hash: 3 GB at most."""
LAYERS = 3
"""Layers of a pair: a background and two objects before it, each from another photograph."""

KINDS: tuple[DepthKind, ...] = ("constant", "plane", "curved")
"""Kinds of background, used in turn."""
LEAST_PX, LARGEST_PX = 4.0, 128.0
"""Range of the largest circle of confusion of a pair, px."""
GOLDEN = (math.sqrt(5) - 1) / 2
"""The golden ratio less 1. Its multiples, without their whole part, are spread evenly however many
there are."""


@dataclass(frozen=True)
class FullSize:
    """A held-out photograph that can be decoded and is large enough."""

    path: Path
    sha256: str  # of the file
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Number of its pixels."""
        return self.height * self.width


@dataclass(frozen=True)
class NativeBlur:
    """How strongly the layers of a picture are blurred."""

    kind: DepthKind  # of the background
    focus: Focus  # of the background
    # signed diameter of each object before it, far to near, px
    in_front: tuple[float, ...]


def full_size(photographs: Photographs) -> tuple[FullSize, ...]:
    """The held-out photographs of at least :data:`LEAST_PIXELS`, in the order of their hashes."""
    held_out = [one for one in photographs.files if is_held_out(one[1])]
    large: list[FullSize] = []
    unread: list[LeftOut] = []
    for path, sha256 in track(held_out, "reading photographs"):
        picture = attempt(str(path), partial(read_image, path))
        if isinstance(picture, LeftOut):
            unread.append(picture)
        elif picture.shape[0] * picture.shape[1] >= LEAST_PIXELS:
            large.append(FullSize(path, sha256, picture.shape[0], picture.shape[1]))
    say_left_out(unread, len(held_out), "photograph")
    if not large:
        raise DatasetError(
            f"of {len(held_out)} held-out photographs none has {LEAST_PIXELS / 1e6:g} megapixels: "
            "give a folder with photographs of the size that cameras have"
        )
    return tuple(large)


class NativeRenderer:
    """Renders pairs of full-size photographs by number; ``lens`` as of a stream."""

    def __init__(self, photographs: Photographs, files: Sequence[FullSize]) -> None:
        self.stream = Renderer(photographs, "held-out")
        self.files = files

    @cached_property
    def bank(self) -> KernelBank:
        """The held-out lenses."""
        lens = self.stream.photographs.lens
        return KernelBank("held-out", lens=lens, diameters_px=DIAMETERS_PX)

    def pair(self, number: int) -> StreamPair:
        """Render the pair of the dataset with a number, with a random camera and blur."""
        random = np.random.default_rng([NATIVE_REVISION, number, 1])
        blur = draw_blur(random, number)
        pixels = min(self.files[number].pixels, MOST_PIXELS)
        return self.picture(number, pixels, blur, self.stream.camera(random))

    def picture(
        self, number: int, pixels: int, blur: NativeBlur, camera: StreamCamera
    ) -> StreamPair:
        """Render the middle of a photograph; what is larger than it is mirrored at its edges."""
        # The number alone decides on lens, objects and noise: they are the same for all blurs.
        random = np.random.default_rng([NATIVE_REVISION, number])
        index = int(random.integers(OPTICS))
        size = size_of(self.files[number], pixels)
        of_depth = np.random.default_rng([NATIVE_REVISION, number, 2])
        nearness = draw_nearness(of_depth, blur.kind, *size, "held-out")
        behind, *others = self.photographs(number)
        scene = full_size_scene(
            random, behind, others, blur.focus.at(nearness), blur.in_front
        )
        scene = snapped(self.bank.optic(index), scene)
        seen = blurred(self.bank, index, scene, BORDER_PX)
        return StreamPair(
            blurry=recorded(camera, seen, random),
            sharp=recorded(camera, all_in_focus(scene, BORDER_PX), None),
            diameters=sharp_diameters(scene, BORDER_PX),
            kind=blur.kind,
            camera=camera,
            optic=index,
        )

    def layers(self, number: int) -> list[FullSize]:
        """The photograph with a number, and those that its objects are cut from."""
        return [
            self.files[(number + layer) % len(self.files)] for layer in range(LAYERS)
        ]

    def photographs(self, number: int) -> list[Photograph]:
        """The same, decoded."""
        return [_decoded(one.path) for one in self.layers(number)]


@lru_cache(maxsize=LAYERS)
def _decoded(path: Path) -> Photograph:
    (photograph,) = read_photographs([path])
    return photograph


def size_of(photograph: FullSize, pixels: int) -> tuple[int, int]:
    """Height and width of a picture with ``pixels`` pixels and the photograph's aspect ratio."""
    scale = math.sqrt(pixels / photograph.pixels)
    return round(scale * photograph.height), round(scale * photograph.width)


def draw_blur(random: np.random.Generator, number: int) -> NativeBlur:
    """The blur of a pair: strongest at the farthest place; objects are nearer than what is behind.

    The largest diameters of many pairs are spread evenly in their logarithm."""
    kind = KINDS[number % len(KINDS)]
    share = GOLDEN * (number + 1) % 1
    far = LEAST_PX * (LARGEST_PX / LEAST_PX) ** share
    near = far if kind == "constant" else far * float(random.uniform(-0.5, 0.5))
    in_front = random.uniform(-far, near, LAYERS - 1)
    farthest_first = sorted(in_front.tolist(), reverse=True)
    return NativeBlur(kind, Focus(far, near), tuple(farthest_first))
