"""Measures the weights that the package ships: tables and pictures of ``weights.md``.

``python -m research.pages.weights PHOTOGRAPHS …``: those that training held out, of its folder."""

import argparse
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import defocus
from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.systems.defocus_own.network import DefocusUNet
from defocus.baselines.weights.own import find_own_weights, own_card, own_weights
from defocus.benchmark.metrics.psnr import decibels
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.datasets.stream.photographs import find_photographs, is_held_out
from defocus.errors import AlignmentError
from defocus.extras.export.hub import effort
from defocus.pictures.read import read_image
from defocus.pictures.values import linear_to_srgb, srgb_to_linear
from defocus.pictures.write import write_image
from defocus.scene.aperture import Aperture, aperture_psf
from research.light import Mask, Pixels, behind_kernel, middle
from research.markdown import row
from research.pages import DOCS

PAGE = DOCS / "weights.md"
PICTURES = DOCS / "weights.jpg"
MARK = "<!-- made by research.pages.weights: nothing below is written by hand -->"

CHAINS = "## Classical chains"
SIDE_PX = 256
RADII_PX = (1, 2, 3, 4, 6, 8, 10, 12, 15, 20)
NOISES = (0.0, 0.003, 0.01, 0.02)
BINS_PX = (0.0, 1.0, 3.0, 6.0, 10.0, 20.0)
CLASSICAL = (
    "wiener",
    "richardson-lucy",
    "krishnan-fergus",
    "ebdb",
)
SHOWN, CROP_PX = 10, 128
LESS_SHARP = 1.5

Array = NDArray[np.float64]
Restore = Callable[[Array], Array]
Pairs = list[tuple[Array, Array]]


def main() -> None:
    """Measure, and write the page's tables and pictures."""
    given = _typed()
    DefocusUNet.fit_for_bfloat16 = False  # the same numbers on every processor
    parts = []
    for name in given.systems:
        restore = restorer(name, given.weights)
        parts.append(f"## {name}\n")
        if given.weights == "own":
            parts += curve(name)
        parts += tables(restore, given.photographs, given.stacks)
        if name == given.systems[0]:
            show(restore, given.photographs)
    written, _, page = PAGE.read_text(encoding="utf-8").partition(MARK)
    if given.classical:
        parts.append(f"{CHAINS}\n\n{classical_table(given.photographs)}")
    elif CHAINS in page:  # they do not depend on the weights
        parts.append(CHAINS + page.partition(CHAINS)[2])
    PAGE.write_text(f"{written}{MARK}\n\n" + "\n".join(parts), encoding="utf-8")


def _typed() -> argparse.Namespace:
    """Options as they were typed."""
    words = argparse.ArgumentParser(
        description="Measure the weights that the package ships."
    )
    words.add_argument("photographs", type=Path)
    words.add_argument(
        "--stacks",
        type=Path,
        help="Folder of focus stacks with expected.jpg.",
    )
    words.add_argument(
        "--weights",
        default="own",
        help="Weights file to use instead of the shipped weights.",
    )
    words.add_argument("--systems", nargs="+", default=shipped())
    words.add_argument(
        "--classical",
        action="store_true",
        help="Also run the classical chains, which are slow.",
    )
    return words.parse_args()


def shipped() -> list[str]:
    """The systems whose weights the package has."""
    return [
        name for name, system in all_baselines().items() if find_own_weights(system)
    ]


def restorer(name: str, weights: str | None) -> Restore:
    """A system as a function from picture to picture, ``(H, W, 3)`` in [0, 1]."""
    system = defocus.load(name, weights=weights)

    def restore(picture: Array) -> Array:
        restored = defocus.restore(
            picture.astype(np.float32),
            system=system,
            tile=0,
            guard=False,
        )
        return np.clip(restored, 0, 1).astype(np.float64)

    return restore


def curve(name: str) -> Iterator[str]:
    """How a training went on, from the card of its weights."""
    card = own_card(own_weights(baseline(name)))
    yield f"Training: {effort(card)}.\n"
    if card.curve:
        yield "| CPU hours | steps | mean gain on the stream's validation pairs, dB |"
        yield "|---|---|---|"
        for step, hours, gain in card.curve:
            yield f"| {hours:.2f} | {step:,} | {gain:+.2f} |"
        yield ""


def tables(
    restore: Restore,
    photographs: Path,
    stacks: Path | None,
) -> Iterator[str]:
    """The tables of one system."""
    sharp = held_out(photographs)
    yield f"One kernel over {len(sharp)} held-out photographs, noise 0.003 of white:\n"
    by_radius = (blurred(sharp, radius_px, 0.003) for radius_px in RADII_PX)
    yield table("radius, px", RADII_PX, by_radius, restore)
    yield "\nA radius of 2 px and noise of another strength:\n"
    by_noise = (blurred(sharp, 2, noise) for noise in NOISES)
    yield table("noise", NOISES, by_noise, restore)
    numbers = unharmed(sharp, restore)
    yield f"\nPictures in focus, restored, against themselves: {numbers}"
    yield "\nTest pairs of the stream (other photographs, lenses and depths):\n"
    yield by_circle(restore, photographs)
    if stacks is not None:
        yield "\nReal focus stacks: frames against the merged picture, where they are blurred:\n"
        yield stack_table(restore, stacks)


def held_out(photographs: Path) -> list[Array]:
    """The middle of each held-out photograph, linear light."""
    crops = []
    for path, digest in find_photographs(photographs).files:
        if is_held_out(digest):
            picture = srgb_to_linear(read_image(path).astype(np.float64) / 255)
            crops.append(middle(picture, SIDE_PX))
    return crops


def blurred(
    sharp: list[Array],
    radius_px: float,
    noise: float,
) -> Pairs:
    """Blurry and sharp pictures; a disc and a polygon of seven blades in turns."""
    pairs = []
    for number, light in enumerate(sharp):
        shape = Aperture(blades=7, turn_deg=20.0) if number % 2 else Aperture()
        through = behind_kernel(light, aperture_psf(2 * radius_px, shape))
        random = np.random.default_rng(number)
        noisy = linear_to_srgb(through) + noise * random.standard_normal(light.shape)
        blurry = np.clip(noisy, 0, 1)
        pairs.append((blurry, linear_to_srgb(light)))
    return pairs


def table(
    name: str,
    values: tuple[float, ...],
    pairs: Iterator[Pairs],
    restore: Restore,
) -> str:
    """Gains by a value: mean, worst and share of pictures that gain."""
    lines = [
        f"| {name} | mean gain, dB | worst, dB | pictures that gain |",
        "|---|---|---|---|",
    ]
    for value, members in zip(values, pairs, strict=True):
        gains = gains_of(restore, members)
        better = sum(one > 0 for one in gains)
        cells = (
            f"{value:g}",
            f"{np.mean(gains):+.2f}",
            f"{min(gains):+.2f}",
            f"{better} of {len(gains)}",
        )
        lines.append(row(*cells))
    return "\n".join(lines) + "\n"


def gain(restored: Array, blurry: Array, sharp: Array) -> float:
    """What restoring gains over the blurry picture, dB."""
    after = psnr(restored, sharp)
    return after - psnr(blurry, sharp)


def unharmed(sharp: list[Array], restore: Restore) -> str:
    """PSNR of sharp pictures after restoring."""
    stored = list(map(linear_to_srgb, sharp))
    values = [psnr(restore(picture), picture) for picture in stored]
    return f"median {np.median(values):.1f} dB, lowest {min(values):.1f} dB.\n"


def by_circle(restore: Restore, photographs: Path) -> str:
    """Gain of the stream's test pairs, all pixels and by circle of confusion."""
    before = np.zeros(len(BINS_PX))
    after = np.zeros(len(BINS_PX))
    counts = np.zeros(len(BINS_PX))
    all_gains = []
    for pair in test_pairs(photographs):
        blurry = as_unit(pair.blurry)
        sharp = as_unit(pair.sharp)
        restored = restore(blurry)
        all_gains.append(gain(restored, blurry, sharp))
        where = np.digitize(np.abs(pair.defocus_map), BINS_PX) - 1
        for one in range(len(BINS_PX)):
            inside = where == one
            counts[one] += inside.sum()
            before[one] += _squares(blurry - sharp, inside)
            after[one] += _squares(restored - sharp, inside)
    gains = 10 * np.log10(before / after)
    return _bins_table(all_gains, counts, gains)


def test_pairs(photographs: Path) -> defocus.Dataset:
    """The test pairs of the stream of some photographs."""
    return defocus.open_dataset(f"stream:{photographs}").split("test")


def _squares(error: NDArray[np.float32], inside: Mask) -> float:
    """Sum over some pixels of the error's mean square over the colours."""
    squares = np.square(error)[inside]
    return float(squares.mean(axis=-1).sum())


def _bins_table(
    all_gains: list[float],
    counts: Array,
    gains: Array,
) -> str:
    """A row for each bin."""
    names = [f"{begin:g} to {end:g}" for begin, end in pairwise(BINS_PX)]
    names.append(f"{BINS_PX[-1]:g} to …")
    lines = [
        "| circle of confusion, px | share of pixels | gain, dB |",
        "|---|---|---|",
        f"| all: mean of pictures | | {np.mean(all_gains):+.2f} |",
    ]
    shares = counts / counts.sum()
    for name, share, decibel in zip(names, shares, gains, strict=True):
        lines.append(row(name, f"{share:.0%}", f"{decibel:+.2f}"))
    return "\n".join(lines) + "\n"


def gains_of(restore: Restore, pairs: Sequence[tuple[Array, Array]]) -> list[float]:
    """Gain of each pair of a blurry and a sharp picture, dB."""
    gains = []
    for blurry, sharp in pairs:
        restored = restore(blurry)
        gains.append(gain(restored, blurry, sharp))
    return gains


def classical_table(photographs: Path) -> str:
    """Mean gain of the classical chains on the stream's test pairs."""
    lines = ["| system | mean gain on the stream's test pairs, dB |", "|---|---|"]
    in_files = test_pairs(photographs)
    pairs = [(as_unit(pair.blurry), as_unit(pair.sharp)) for pair in in_files]
    for name in CLASSICAL:
        restore = restorer(name, None)
        mean = np.mean(gains_of(restore, pairs))
        lines.append(row(f"`{name}`", f"{mean:+.2f}"))
    return "\n".join(lines) + "\n"


def stack_table(restore: Restore, stacks: Path) -> str:
    """Frames of real focus stacks at half size, aligned: gain where they are less sharp."""
    lines = [
        "| stack | frames | gain where blurred, dB | whole frames, dB |",
        "|---|---|---|---|",
    ]
    folders = [merged.parent for merged in stacks.glob("*/expected.jpg")]
    for folder in sorted(folders):
        gains = np.array(list(frame_gains(restore, folder)))
        means = [f"{mean:+.2f}" for mean in gains.mean(axis=0)]
        lines.append(row(folder.name, str(len(gains)), *means))
    return "\n".join(lines) + "\n"


def frame_gains(restore: Restore, stack: Path) -> Iterator[tuple[float, float]]:
    """Gain of each frame that can be aligned, where it is blurred and on the whole."""
    for frame in aligned_frames(stack, half):
        restored = restore(frame.blurry)
        soft = frame.gain(restored, frame.soft)
        whole = frame.gain(restored, frame.valid)
        yield soft, whole


@dataclass(frozen=True)
class AlignedFrame:
    """A frame of a focus stack, and the merged picture on it."""

    name: str  # of its file
    # these two: ``(H, W, 3)`` in [0, 1]
    blurry: Array
    sharp: Array
    # these two: ``(H, W)``
    soft: Mask  # where it is less sharp than the merged picture
    valid: Mask  # where the merged picture covers it

    def gain(self, restored: Array, where: Mask) -> float:
        """What restoring gains over the frame in a part of it, dB."""
        return gain(restored[where], self.blurry[where], self.sharp[where])


def aligned_frames(
    stack: Path,
    size: Callable[[Pixels], Pixels],
) -> Iterator[AlignedFrame]:
    """The frames at some size with the merged picture aligned to each; others are named."""
    merged = size(read_image(stack / "expected.jpg"))
    for path in sorted(stack.glob("*.jpg")):
        if path.name == "expected.jpg":
            continue
        frame = size(read_image(path))
        height = min(len(frame), len(merged))
        width = min(frame.shape[1], merged.shape[1])
        frame = frame[:height, :width]
        try:
            aligned = defocus.align_pair(frame, merged[:height, :width])
        except AlignmentError as error:
            print(f"{path}: left out, {error}")  # noqa: T201 - a script
            continue
        blurry = frame / 255
        sharp = aligned.sharp / 255
        sharper = detail(sharp) > LESS_SHARP * detail(blurry)
        soft = aligned.valid_mask & sharper
        yield AlignedFrame(
            path.name,
            blurry,
            sharp,
            soft,
            aligned.valid_mask,
        )


def half(picture: NDArray[np.generic]) -> Pixels:
    """A picture at half its size."""
    height, width = picture.shape[:2]
    size = (width // 2, height // 2)
    small = cv2.resize(np.asarray(picture), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def detail(picture: Array) -> Array:
    """Strength of gradients around each pixel."""
    grey = picture.mean(axis=2)
    across = np.square(np.gradient(grey, axis=1))
    down = np.square(np.gradient(grey, axis=0))
    energy = cv2.GaussianBlur(across + down, (0, 0), 6)
    return np.asarray(np.sqrt(energy))


def show(restore: Restore, photographs: Path) -> None:
    """The first test pairs by the hash of their ids: blurry, restored, sharp, from the middle."""
    pairs = sorted(
        test_pairs(photographs),
        key=lambda pair: hashlib.sha256(pair.id.encode()).hexdigest(),
    )
    columns = []
    for pair in pairs[:SHOWN]:
        blurry = as_unit(pair.blurry)
        sharp = as_unit(pair.sharp)
        members = (blurry, restore(blurry), sharp)
        columns.append(np.vstack([middle(member, CROP_PX) for member in members]))
    codes = np.rint(np.hstack(columns) * 255)
    write_image(PICTURES, codes.astype(np.uint8))


def as_unit(picture: NDArray[np.generic]) -> Array:
    """A stored picture in [0, 1]."""
    white = np.iinfo(picture.dtype).max
    return np.asarray(picture / white, np.float64)


def psnr(first: Array, second: Array) -> float:
    """PSNR as the benchmark computes it, of values in [0, 1], dB."""
    error = float(np.mean(np.square(first - second)))
    return decibels(error, DEFAULT)


if __name__ == "__main__":
    main()
