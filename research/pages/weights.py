"""Measures the weights that the package ships: tables and pictures of ``weights.md``.

``python -m research.pages.weights PHOTOGRAPHS …``: those that training held out, of its folder."""

import argparse
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

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
from research.light import Mask, Pixels
from research.pages import DOCS

PAGE = DOCS / "weights.md"
PICTURES = DOCS / "weights.jpg"
MARK = "<!-- made by research.pages.weights: nothing below is written by hand -->"

CHAINS = "## Classical chains"
SIDE_PX = 256
RADII_PX = (1, 2, 3, 4, 6, 8, 10, 12, 15, 20)
NOISES = (0.0, 0.003, 0.01, 0.02)
BINS_PX = (0.0, 1.0, 3.0, 6.0, 10.0, 20.0)
CLASSICAL = ("wiener", "richardson-lucy", "krishnan-fergus", "ebdb")
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


def tables(restore: Restore, photographs: Path, stacks: Path | None) -> Iterator[str]:
    """The tables of one system."""
    sharp = held_out(photographs)
    yield f"One kernel over {len(sharp)} held-out photographs, noise 0.003 of white:\n"
    yield table(
        "radius, px",
        RADII_PX,
        (blurred(sharp, r, 0.003) for r in RADII_PX),
        restore,
    )
    yield "\nA radius of 2 px and noise of another strength:\n"
    yield table("noise", NOISES, (blurred(sharp, 2, n) for n in NOISES), restore)
    yield "\nPictures in focus, restored, against themselves: " + unharmed(
        sharp,
        restore,
    )
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
            top, left = ((side - SIDE_PX) // 2 for side in picture.shape[:2])
            crops.append(picture[top : top + SIDE_PX, left : left + SIDE_PX])
    return crops


def blurred(sharp: list[Array], radius_px: float, noise: float) -> Pairs:
    """Blurry and sharp pictures; a disc and a polygon of seven blades in turns."""
    pairs = []
    for number, light in enumerate(sharp):
        shape = Aperture(blades=7, turn_deg=20.0) if number % 2 else Aperture()
        psf = aperture_psf(2 * radius_px, shape)
        pad = psf.shape[0] // 2
        sides = (pad, pad)
        wide = np.pad(light, (sides, sides, (0, 0)), mode="reflect")
        through = fftconvolve(wide, psf[:, :, None], mode="valid")
        through = np.clip(through, 0, 1)
        random = np.random.default_rng(number)
        seen = linear_to_srgb(through) + noise * random.standard_normal(light.shape)
        pairs.append((np.clip(seen, 0, 1), linear_to_srgb(light)))
    return pairs


def table(
    name: str,
    values: tuple[float, ...],
    pairs: Iterator[list[tuple[Array, Array]]],
    restore: Restore,
) -> str:
    """Gains by a value: mean, worst and share of pictures that gain."""
    lines = [
        f"| {name} | mean gain, dB | worst, dB | pictures that gain |",
        "|---|---|---|---|",
    ]
    for value, members in zip(values, pairs, strict=True):
        gains = [
            psnr(restore(blurry), sharp) - psnr(blurry, sharp)
            for blurry, sharp in members
        ]
        better = sum(gain > 0 for gain in gains)
        share = f"{better} of {len(gains)}"
        lines.append(
            f"| {value:g} | {np.mean(gains):+.2f} | {min(gains):+.2f} | {share} |"
        )
    return "\n".join(lines) + "\n"


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
    for pair in defocus.open_dataset(f"stream:{photographs}").split("test"):
        blurry = as_unit(pair.blurry)
        sharp = as_unit(pair.sharp)
        restored = restore(blurry)
        all_gains.append(psnr(restored, sharp) - psnr(blurry, sharp))
        where = np.digitize(np.abs(pair.defocus_map), BINS_PX) - 1
        for one in range(len(BINS_PX)):
            inside = where == one
            counts[one] += inside.sum()
            before[one] += _squares(blurry - sharp, inside)
            after[one] += _squares(restored - sharp, inside)
    gains = 10 * np.log10(before / after)
    return _bins_table(all_gains, counts, gains)


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
    ends = [*(f"{end:g}" for end in BINS_PX[1:]), "…"]
    names = [f"{begin:g} to {end}" for begin, end in zip(BINS_PX, ends, strict=True)]
    lines = [
        "| circle of confusion, px | share of pixels | gain, dB |",
        "|---|---|---|",
    ]
    lines.append(f"| all: mean of pictures | | {np.mean(all_gains):+.2f} |")
    for name, count, gain in zip(names, counts, gains, strict=True):
        lines.append(f"| {name} | {count / counts.sum():.0%} | {gain:+.2f} |")
    return "\n".join(lines) + "\n"


def classical_table(photographs: Path) -> str:
    """Mean gain of the classical chains on the stream's test pairs."""
    lines = ["| system | mean gain on the stream's test pairs, dB |", "|---|---|"]
    pairs = list(defocus.open_dataset(f"stream:{photographs}").split("test"))
    for name in CLASSICAL:
        restore = restorer(name, None)
        gains = []
        for pair in pairs:
            blurry = as_unit(pair.blurry)
            sharp = as_unit(pair.sharp)
            after = psnr(restore(blurry), sharp)
            gains.append(after - psnr(blurry, sharp))
        lines.append(f"| `{name}` | {np.mean(gains):+.2f} |")
    return "\n".join(lines) + "\n"


def stack_table(restore: Restore, stacks: Path) -> str:
    """Frames of real focus stacks at half size, aligned: gain where they are less sharp."""
    lines = [
        "| stack | frames | gain where blurred, dB | whole frames, dB |",
        "|---|---|---|---|",
    ]
    for folder in sorted(one.parent for one in stacks.glob("*/expected.jpg")):
        gains = np.array(list(frame_gains(restore, folder)))
        soft, whole = gains.mean(axis=0)
        lines.append(f"| {folder.name} | {len(gains)} | {soft:+.2f} | {whole:+.2f} |")
    return "\n".join(lines) + "\n"


def frame_gains(restore: Restore, stack: Path) -> Iterator[tuple[float, float]]:
    """Gain of each frame that can be aligned, where it is blurred and on the whole."""
    for frame in aligned_frames(stack, half):
        restored = restore(frame.blurry)
        gains = []
        for where in (frame.soft, frame.valid):
            sharp = frame.sharp[where]
            before = psnr(frame.blurry[where], sharp)
            gains.append(psnr(restored[where], sharp) - before)
        yield tuple(gains)


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
        height = min(frame.shape[0], merged.shape[0])
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
        yield AlignedFrame(path.name, blurry, sharp, soft, aligned.valid_mask)


def half(picture: NDArray[np.generic]) -> Pixels:
    """A picture at half its size."""
    size = (picture.shape[1] // 2, picture.shape[0] // 2)
    return np.asarray(
        cv2.resize(np.asarray(picture), size, interpolation=cv2.INTER_AREA),
        np.uint8,
    )


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
        defocus.open_dataset(f"stream:{photographs}").split("test"),
        key=lambda pair: hashlib.sha256(pair.id.encode()).hexdigest(),
    )
    rows = []
    for pair in pairs[:SHOWN]:
        blurry = as_unit(pair.blurry)
        sharp = as_unit(pair.sharp)
        top, left = ((side - CROP_PX) // 2 for side in blurry.shape[:2])
        rows_shown = slice(top, top + CROP_PX)
        crop = (rows_shown, slice(left, left + CROP_PX))
        rows.append(np.vstack([one[crop] for one in (blurry, restore(blurry), sharp)]))
    codes = np.rint(np.hstack(rows) * 255)
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
