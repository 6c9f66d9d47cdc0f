"""Counts how often ``defocus-restore --list`` has two frames in the right order.

``python -m research.pages.in_focus PHOTOGRAPHS``: held-out ones of full size; twelve minutes."""

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.block_blur import block_blur
from defocus.datasets.stream.photographs import find_photographs
from defocus.pictures.read import read_image
from defocus.pictures.values import as_linear, luma_of
from defocus.progress import say, track
from defocus.restoration.same_scene import Frame, frame_of, standings
from defocus.scene.aperture import Aperture
from defocus.scene.pictures import Branch
from research.behind_lens import LensScene
from research.light import Array, Pixels, Random, from_jpeg, single
from research.markdown import row

SIZE_PX, PLAIN_PX = (1152, 1536), (576, 768)
"""Height and width of the part with most detail, and of the one with least."""
BASES_PX = (0, 2, 4, 8, 16, 24, 40)
STEPS_PX = (1, 2, 4, 8)
"""Steps, px, by which the less sharp frame of a pair has a larger diameter than the sharper one."""
_SUMS_PX = map(sum, itertools.product(BASES_PX, (0, *STEPS_PX)))
DIAMETERS_PX = sorted(set(_SUMS_PX))
GAMMA = 2.2
NOISE, STRONG_NOISE = 0.01, 0.06
"""Standard deviation of the noise at white in linear light, weak and strong; in the dark a tenth of
its variance is left. The strong noise is 7 to 15 of 255 from middle grey to shadows."""
QUALITY = 88
"""Quality of JPEG files."""
FRONT_SHARE = 0.3
"""Half axes of the object in front, as shares of the frame's sides: it covers 28 % of the frame."""
APERTURES = (Aperture(), Aperture(blades=7, turn_deg=20.0))
"""Apertures, used in turn for the photographs."""


class Shown(NamedTuple):
    """A rendered frame, by what it shows and the diameter of its sharpest part, px."""

    kind: str
    diameter_px: int


class Order(NamedTuple):
    """Whether two frames of a kind are in the right order."""

    kind: str
    base_px: int
    right: bool


KINDS = {
    "the same blur everywhere": "uniform",
    "the same, strong noise": "noise",
    "the same, JPEG": "jpeg",
    "an object in front of a blurred background": "layers",
    "least detail of the photograph: sky, walls": "plain",
}
"""Rows of the table whose pairs differ only in their blur."""
MOVES = "focus moves between object and background"
BETWEEN = "two photographs, twice the blur and more"


def main() -> None:
    """Print the share of right orders, by kind and base."""
    words = argparse.ArgumentParser(description="Count right orders of frames.")
    words.add_argument("photographs", type=Path)
    words.add_argument("--branch", choices=("train", "held-out"), default="held-out")
    given = words.parse_args()
    for line in table(given.photographs, given.branch):
        say(line)


def table(folder: Path, branch: Branch) -> Iterator[str]:
    """Lines of the table in Markdown."""
    files = find_photographs(folder).of(branch)
    photographs = [
        measured_frames(read_image(path), number)
        for number, path in enumerate(track(files, "rendering"))
    ]
    orders: list[Order] = []
    for photograph in photographs:
        orders += right_orders(photograph)
    orders += _between(photographs)
    heads = [f"from {base} px" for base in BASES_PX]
    yield row("frames", "pairs", "all", *heads)
    yield f"|---|---|---|{'---|' * len(BASES_PX)}"
    by_kind: dict[str, list[Order]] = {}
    for order in orders:
        by_kind.setdefault(order.kind, []).append(order)
    for kind, members in by_kind.items():
        bases = []
        for base in BASES_PX:
            own = [order for order in members if order.base_px == base]
            bases.append(_share(own))
        yield row(kind, str(len(members)), _share(members), *bases)


def _share(orders: Sequence[Order]) -> str:
    if not orders:
        return ""
    right = [order.right for order in orders]
    return f"{100 * np.mean(right):.1f} %"


Measured = Mapping[Shown, Frame]


def measured_frames(photograph: NDArray[np.unsignedinteger], number: int) -> Measured:
    """The measurement of each frame of a photograph."""
    white = np.iinfo(photograph.dtype).max
    codes = np.rint(photograph * (255 / white))
    random = np.random.default_rng(number)
    aperture = APERTURES[number % len(APERTURES)]
    measurements = {}
    for shown, frame in frames(codes.astype(np.uint8), aperture, random):
        measurements[shown] = measured(frame)
    return measurements


def measured(frame: Pixels) -> Frame:
    """What the list measures of a frame."""
    luma = luma_of(frame)
    return frame_of(luma, block_blur(luma))


def is_first(one: Frame, other: Frame) -> bool:
    """Whether a list of two frames begins with the first."""
    first, second = standings([one, other])
    return first.place < second.place


def frames(
    photograph: Pixels,
    aperture: Aperture,
    random: Random,
) -> Iterator[tuple[Shown, Pixels]]:
    """All frames of a photograph."""
    detailed, _ = parts_of(photograph, SIZE_PX)
    yield from _detailed_frames(as_linear(detailed), aperture, random)
    _, plain = parts_of(photograph, PLAIN_PX)
    yield from _plain_frames(LensScene(as_linear(plain)), aperture, random)


def _detailed_frames(
    detailed: Array,
    aperture: Aperture,
    random: Random,
) -> Iterator[tuple[Shown, Pixels]]:
    """Frames of a part with detail: blurred alike, and with an object in front."""
    scene = LensScene(detailed)
    front = LensScene(_with_opacity(detailed))
    for diameter_px in DIAMETERS_PX:
        light = scene.blurred(diameter_px, aperture)
        far_px = far_diameter_px(diameter_px)
        far = scene.blurred(far_px, aperture)
        yield Shown("uniform", diameter_px), taken(light, random, NOISE)
        yield Shown("noise", diameter_px), taken(light, random, STRONG_NOISE)
        yield Shown("jpeg", diameter_px), compressed(taken(light, random, NOISE))
        near = _over(front.blurred(diameter_px, aperture), far)
        yield Shown("layers", diameter_px), taken(near, random, NOISE)
        behind = _over(front.blurred(far_px, aperture), light)
        yield Shown("behind", diameter_px), taken(behind, random, NOISE)


def _plain_frames(
    scene: LensScene,
    aperture: Aperture,
    random: Random,
) -> Iterator[tuple[Shown, Pixels]]:
    """Frames of a part without detail."""
    for diameter_px in DIAMETERS_PX:
        light = scene.blurred(diameter_px, aperture)
        yield Shown("plain", diameter_px), taken(light, random, NOISE)


def far_diameter_px(diameter_px: float) -> float:
    """The blur outside the sharpest part."""
    return 1.25 * diameter_px + 8


def _with_opacity(light: Array) -> Array:
    """An ellipse of some light with its opacity as a fourth channel; nothing around it."""
    height, width = light.shape[:2]
    opacity = np.zeros((height, width), np.float32)
    half_axes = (round(FRONT_SHARE * width), round(FRONT_SHARE * height))
    cv2.ellipse(
        opacity,
        (width // 2, height // 2),
        half_axes,
        0,
        0,
        360,
        1.0,
        cv2.FILLED,
    )
    return np.dstack([light * opacity[:, :, None], opacity])


def _over(front: Array, background: Array) -> Array:
    """Blurred light with opacity in front of a background."""
    opacity = front[:, :, 3:]
    return front[:, :, :3] + (1 - opacity) * background


def taken(light: Array, random: Random, noise: float) -> Pixels:
    """A picture of some light, 8 bits."""
    deviation = noise * np.sqrt(np.maximum(light, 0) + 0.1)
    drawn = random.standard_normal(light.shape, dtype=np.float32)
    noisy = light + deviation * drawn
    encoded = np.clip(noisy, 0, 1) ** (1 / GAMMA)
    codes = np.rint(255 * encoded)
    return codes.astype(np.uint8)


def compressed(pixels: Pixels) -> Pixels:
    """The pixels after JPEG compression."""
    return from_jpeg(pixels, QUALITY)


def parts_of(photograph: Pixels, size_px: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """The parts of a photograph that have most and least detail."""
    whole_height, whole_width = photograph.shape[:2]
    height = min(size_px[0], whole_height)
    width = min(size_px[1], whole_width)
    rows = whole_height - height + 1
    columns = whole_width - width + 1
    inside = _mean_detail(photograph, (width, height))[:rows, :columns]

    def part_at(place: np.intp) -> Pixels:
        top, left = divmod(int(place), columns)
        part = photograph[top : top + height, left : left + width]
        return np.ascontiguousarray(part)

    return part_at(inside.argmax()), part_at(inside.argmin())


def _mean_detail(photograph: Pixels, size: tuple[int, int]) -> Array:
    """Mean detail of the part of a width and a height that begins at each pixel."""
    luma = luma_of(photograph)
    smooth = cv2.GaussianBlur(luma, (0, 0), 2.0)
    detail = np.abs(luma - smooth)
    border = cv2.BORDER_REPLICATE
    return single(cv2.blur(detail, size, anchor=(0, 0), borderType=border))


def right_orders(photograph: Measured) -> Iterator[Order]:
    """The pairs of frames of one photograph."""
    for base_px, step_px in itertools.product(BASES_PX, STEPS_PX):
        for words, kind in KINDS.items():
            sharper = photograph[Shown(kind, base_px)]
            other = photograph[Shown(kind, base_px + step_px)]
            yield Order(words, base_px, is_first(sharper, other))
        for kind, other_kind in itertools.permutations(("layers", "behind")):
            sharper = photograph[Shown(kind, base_px)]
            other = photograph[Shown(other_kind, base_px + step_px)]
            yield Order(MOVES, base_px, is_first(sharper, other))


def _between(photographs: Sequence[Measured]) -> list[Order]:
    """Pairs of different photographs of which one has at least twice the blur and 2 px more."""
    pairs = [
        (0, 4),
        (2, 6),
        (4, 12),
        (8, 20),
        (16, 40),
    ]
    orders = []
    for one, other in itertools.permutations(photographs, 2):
        for base_px, more_px in pairs:
            sharper = one[Shown("uniform", base_px)]
            blurred = other[Shown("uniform", more_px)]
            right = is_first(sharper, blurred)
            orders.append(Order(BETWEEN, base_px, right))
    return orders


if __name__ == "__main__":
    main()
