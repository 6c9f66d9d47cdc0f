"""Counts what the guard of ``restore`` leaves worse and what good restoring it touches.

``python -m research.pages.guard PHOTOGRAPHS --seeds 5 6 7 8 9 --first 1000``, or ``--gains``."""

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray

import defocus
from defocus.blur.learned_map import estimate_blur_map
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import find_photographs
from defocus.pictures.values import linear_to_srgb, srgb_to_linear
from defocus.progress import say
from defocus.restoration.guard.guard import guarded
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import Restorer, make_restorer
from research.markdown import row
from research.pages.weights import RADII_PX, Pairs, as_unit, blurred, held_out
from tests.restoration.adversarial import Trap, rounded, traps

Array = NDArray[np.float32]
PAIRS, SIDE_PX, TILE_PX = 300, 192, 64
GAINS, LOSES, KEEPS_NOTHING = 0.95, 1.02, 0.98
"""Ratios of squared errors: 0.2 dB better, 0.1 dB worse than without the guard, not even 0.1 dB
better than the given part."""
AS_GOOD_AS_RIGHT_DB = 45.0
STRENGTHS = (1.0, 1.5, 2.0)
SOFT, SOFT_PX = ("chelsea", "astronaut"), (1.5, 2.2, 3.0)
"""Pictures that are soft by themselves, wholly or in part, and diameters of discs, px."""


def main() -> None:
    """Print both counts."""
    given = _typed()
    torch.set_num_threads(1)
    network = defocus.load("defocus-m", weights="own").eval()
    restorer = make_restorer(network, 0, torch.device("cpu"))
    if given.gains:
        for line in gains(restorer, given.photographs):
            say(line)
        return
    say_spoiled(restorer, given.sizes, given.seeds)
    if given.traps_only:
        return
    renderer = Renderer(find_photographs(given.photographs), "held-out")
    numbers = range(given.first, given.first + PAIRS)
    rendered = (renderer.pair(number, SIDE_PX) for number in numbers)
    pairs = ((pair.blurry, pair.sharp) for pair in rendered)
    good, touched, put_back = counted(restorer, pairs)
    say(
        f"{good} parts gain 0.2 dB: {touched} lose a part of it, {put_back} are put back"
    )


def say_spoiled(
    restorer: Restorer,
    sizes: Sequence[float],
    seeds: Sequence[int],
) -> None:
    """Print how many pictures get worse by each damage, and a table of it."""
    losers: dict[float, dict[str, list[int]]] = {}
    for size, seed in itertools.product(sizes, seeds):
        counts = losers.setdefault(size, {})
        for damage, names in spoiled(restorer, seed, size).items():
            which = f"seed {seed} at {size:g} of the size, {damage}"
            say(f"{which}: {len(names)} of 100 worse by 1 dB: {' '.join(names)}")
            counts.setdefault(damage, []).append(len(names))
    for line in table_of_sizes(losers):
        say(line)


def _typed() -> argparse.Namespace:
    """Options as they were typed."""
    words = argparse.ArgumentParser(description="Count what the guard does.")
    words.add_argument(
        "photographs",
        nargs="?",
        type=Path,
        help="Folder of photographs; without it, only textures are used.",
    )
    words.add_argument(
        "--seeds",
        nargs="*",
        type=int,
        default=[0],
        help="Seeds; each draws 100 traps.",
    )
    words.add_argument(
        "--first",
        type=int,
        default=300,
        help="Number of the first of 300 held-out pairs.",
    )
    words.add_argument(
        "--sizes",
        nargs="*",
        type=float,
        default=[1.0],
        help="Factors by which traps are resized.",
    )
    words.add_argument(
        "--traps-only",
        action="store_true",
        help="Do not measure what good restoring loses.",
    )
    words.add_argument(
        "--gains",
        action="store_true",
        help="Only measure what the guard takes from gains.",
    )
    return words.parse_args()


def spoiled(restorer: Restorer, seed: int, size: float = 1.0) -> dict[str, list[str]]:
    """Names of the traps that come out worse, without and with the guard, by strength."""
    by_way: dict[str, list[str]] = {}
    for trap in (resized(one, size) for one in traps(seed)):
        right = min(psnr(trap.given, trap.truth), AS_GOOD_AS_RIGHT_DB)
        for guard in (False, True):
            restoration = restore_colours(restorer, trap.given, guard=guard)
            for strength in STRENGTHS:
                names = by_way.setdefault(
                    f"{'guard' if guard else 'bare'} {strength:g}",
                    [],
                )
                if psnr(restoration.at(strength), trap.truth) < right - 1:
                    names.append(trap.name)
    return by_way


def table_of_sizes(
    losers: Mapping[float, Mapping[str, Sequence[int]]],
) -> Iterator[str]:
    """Lines of a table in Markdown: how many traps come out worse at each size, and of each seed.

    ``losers``: by the factor of the size and by the way of restoring, a count for each seed."""
    ways = list(dict.fromkeys(itertools.chain.from_iterable(losers.values())))
    yield row("size", *ways)
    yield f"|---{'|---' * len(ways)}|"
    for size, counts in losers.items():
        cells = []
        for way in ways:
            of_seeds = ", ".join(str(count) for count in counts[way])
            cells.append(f"{sum(counts[way])} ({of_seeds})")
        yield row(f"{size:g}", *cells)


def resized(trap: Trap, size: float) -> Trap:
    """A trap enlarged or reduced by a factor, both pictures in the same way."""
    if size == 1:
        return trap
    way = cv2.INTER_CUBIC if size > 1 else cv2.INTER_AREA
    given = cv2.resize(trap.given, None, fx=size, fy=size, interpolation=way)
    truth = cv2.resize(trap.truth, None, fx=size, fy=size, interpolation=way)
    return Trap(trap.name, rounded(given), rounded(truth))


def counted(
    restorer: Restorer,
    pairs: Iterator[tuple[Array, Array]],
) -> NDArray[np.int64]:
    """Numbers of parts that gain, that lose some of the gain, and that are put back."""
    counts = np.zeros(3, np.int64)
    for blurry, sharp in pairs:
        before, free, held = (
            errors(one, sharp) for one in (blurry, *both(restorer, blurry))
        )
        good = free < GAINS * before
        lost = good & (held > LOSES * free)
        counts += [
            good.sum(),
            lost.sum(),
            (good & (held > KEEPS_NOTHING * before)).sum(),
        ]
    return counts


def gains(restorer: Restorer, photographs: Path) -> Iterator[str]:
    """Mean gains without and behind the guard, and what becomes of soft pictures."""
    sharp = held_out(photographs)
    for radius_px in RADII_PX:
        pairs = blurred(sharp, radius_px, 0.003)
        yield f"radius {radius_px} px: {_gain(restorer, pairs)}"
    stream = defocus.open_dataset(f"stream:{photographs}").split("test")
    of_stream = [(as_unit(pair.blurry), as_unit(pair.sharp)) for pair in stream]
    yield f"test pairs of the stream: {_gain(restorer, of_stream)}"
    for name in SOFT:
        picture = getattr(skimage.data, name)()
        light = srgb_to_linear(picture / 255)
        given = np.asarray(linear_to_srgb(light), np.float32)
        back = [f"{psnr(one, given):.1f}" for one in both(restorer, given)]
        yield f"{name} as it is: {back[0]} dB against itself, {back[1]} behind the guard"
        for diameter_px in SOFT_PX:
            pairs = blurred([light], diameter_px / 2, 0)
            gain = _gain(restorer, pairs)
            yield f"{name}, {diameter_px} px: {gain}"


def _gain(restorer: Restorer, pairs: Pairs) -> str:
    """Means over pairs of a blurry and a sharp picture."""
    rows = []
    for blurry, sharp in pairs:
        before = psnr(blurry, sharp)
        pictures = both(restorer, np.ascontiguousarray(blurry, np.float32))
        rows.append([psnr(one, sharp) - before for one in pictures])
    free, held = np.mean(rows, axis=0)
    return f"{free:+.2f} dB, {held:+.2f} behind the guard"


def both(restorer: Restorer, given: Array) -> tuple[Array, Array]:
    """Restored without and with the guard."""
    blur_map = estimate_blur_map(given)
    free = restore_colours(restorer, given, blur_map, guard=False).restored
    guarded_picture = guarded(given, free.copy(), blur_map).restored
    return free, np.clip(guarded_picture, 0, 1)


def errors(picture: Array, truth: Array) -> NDArray[np.floating]:
    """Mean squared error of each part of 64 x 64 px."""
    squares = np.square(picture - truth).mean(axis=2)
    count = SIDE_PX // TILE_PX
    tiles = squares.reshape(count, TILE_PX, count, TILE_PX)
    return np.asarray(tiles.mean(axis=(1, 3)))


def psnr(picture: Array, truth: Array) -> float:
    """PSNR in dB; 120 where both are the same."""
    difference = picture.astype(float) - truth
    mean_square = np.square(difference).mean() + 1e-12
    return float(-10 * np.log10(mean_square))


if __name__ == "__main__":
    main()
