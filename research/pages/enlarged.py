"""How often enlarged pictures are recognised, and others by mistake.

``python -m research.pages.enlarged PHOTOGRAPHS... --first 1 --every 2`` prints the tables of
``docs/guard.md``; the limits were chosen on the other half of these photographs."""

import argparse
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from defocus.blur.enlargement import FACTORS, enlarged_by
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import find_photographs
from defocus.pictures.raw import develop_raw
from defocus.pictures.read import read_image
from defocus.progress import say
from research.markdown import row
from tests.capture.raw_sessions import bayer_dng
from tests.restoration.adversarial import traps

Pixels = NDArray[np.uint8]
Array = NDArray[np.float32]

CROP_PX = (480, 640)
SOURCE_PX = (240, 320)
"""Height and width of crops as they are, and of crops that are enlarged."""
SOFT_PX = 1.2
"""Standard deviation, px, of the blur before an enlargement."""
SOFT_AS_IT_IS_PX = 1.5
PAIRS, PAIR_PX = 100, 384
"""Rendered pairs, and their sides, px."""
SEEDS = (11, 12)
"""Seeds of traps that chose no limit."""
PILLOW = {
    "linear": Image.Resampling.BILINEAR,
    "cubic": Image.Resampling.BICUBIC,
    "Lanczos": Image.Resampling.LANCZOS,
}
OPENCV = {
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "Lanczos": cv2.INTER_LANCZOS4,
}
DATA = ("astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel")
DATA_BESIDE = ("hubble_deep_field", "moon", "page", "retina", "rocket", "text")
"""Photographs of scikit-image."""


def main() -> None:
    """Print both tables."""
    words = argparse.ArgumentParser(description="How often enlarging is recognised.")
    words.add_argument("photographs", nargs="+", type=Path)
    words.add_argument(
        "--first",
        type=int,
        default=0,
        help="Number of the first photograph that is taken.",
    )
    words.add_argument(
        "--every",
        type=int,
        default=1,
        help="Take every such photograph from the first on.",
    )
    given = words.parse_args()
    files: list[Path] = []
    for folder in given.photographs:
        found = sorted(path for path, _ in find_photographs(folder).files)
        files += found[given.first :: given.every]
    say(f"{len(files)} photographs")
    for line in recognised_table(files):
        say(line)
    for line in mistakes_table(files, given.photographs[0]):
        say(line)


def recognised_table(files: Sequence[Path]) -> Iterator[str]:
    """Shares of enlarged crops whose factor is recognised, by factor and file."""
    counts: dict[tuple[str, str], list[bool]] = {}
    wrong = 0
    for path in files:
        for before, source in sources(path).items():
            for factor in FACTORS:
                for kind, picture in enlargements(source, factor):
                    found = factor_of(picture)
                    counts.setdefault((f"{factor}{before}", kind), []).append(
                        found == factor
                    )
                    wrong += found not in (1, factor)
    kinds = list(dict.fromkeys(kind for _, kind in counts))
    yield row("enlarged by", *kinds)
    yield f"|---{'|---' * len(kinds)}|"
    for name in sorted({name for name, _ in counts}):
        shares = [f"{np.mean(counts[name, kind]):.0%}" for kind in kinds]
        yield row(name, *shares)
    yield f"another factor than the true one: {wrong}"


def sources(path: Path) -> dict[str, Pixels]:
    """A crop of a photograph as it is and blurred, to be enlarged."""
    crop = cropped(read_image(path), *SOURCE_PX)
    soft = cv2.GaussianBlur(crop, (0, 0), SOFT_PX)
    return {"": crop, ", blurred before": np.asarray(soft, np.uint8)}


def enlargements(source: Pixels, factor: int) -> Iterator[tuple[str, Pixels]]:
    """Enlarged copies with what they are, each as PNG and as JPEG."""
    height, width = source.shape[:2]
    size = (factor * width, factor * height)
    for name, interpolation in OPENCV.items():
        picture = cv2.resize(source, size, interpolation=interpolation)
        yield from stored(name, np.asarray(picture, np.uint8))
    for name, resampling in PILLOW.items():
        resized = Image.fromarray(source).resize(size, resampling)
        yield from stored(name, np.asarray(resized))


def stored(name: str, picture: Pixels) -> Iterator[tuple[str, Pixels]]:
    """A picture as three kinds of files keep it."""
    yield f"{name}, PNG", picture
    for quality in (95, 85):
        yield f"JPEG {quality}", coded(picture, "JPEG", quality)


def coded(picture: Pixels, kind: str, quality: int) -> Pixels:
    """A picture behind a codec."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, quality=quality)
    decoded = Image.open(io.BytesIO(file.getvalue()))
    return np.asarray(decoded.convert("RGB"))


def cropped(picture: Pixels, height: int, width: int) -> Pixels:
    """A part of a photograph, a third of the way from the top and the left."""
    rows, columns = picture.shape[:2]
    top = max(0, min(rows // 3, rows - height))
    left = max(0, min(columns // 3, columns - width))
    part = picture[top : top + height, left : left + width]
    return np.ascontiguousarray(part[:, :, :3])


def factor_of(picture: NDArray[np.integer] | Array) -> int:
    """The factor that is recognised; integers have the white of their type."""
    if not np.issubdtype(picture.dtype, np.integer):
        return enlarged_by(np.asarray(picture, np.float32))
    white = np.iinfo(str(picture.dtype)).max
    light = picture / np.float32(white)
    return enlarged_by(np.asarray(light, np.float32))


def mistakes_table(files: Sequence[Path], photographs: Path) -> Iterator[str]:
    """How many pictures that were not enlarged are called enlarged."""
    mistakes: dict[str, list[int]] = {}
    for path in files:
        for kind, picture in as_they_are(path):
            mistakes.setdefault(kind, []).append(factor_of(picture))
    for kind, pictures in OTHERS.items():
        mistakes[kind] = [factor_of(picture) for picture in pictures()]
    renderer = Renderer(find_photographs(photographs), "held-out")
    for number in range(PAIRS):
        pair = renderer.pair(number, PAIR_PX)
        for member in (pair.blurry, pair.sharp):
            mistakes.setdefault("rendered pairs", []).append(factor_of(member))
    yield row("pictures that were not enlarged", "number", "called enlarged")
    yield "|---|---|---|"
    for kind, factors in mistakes.items():
        called = sum(factor > 1 for factor in factors)
        yield row(kind, str(len(factors)), str(called))


def as_they_are(path: Path) -> Iterator[tuple[str, NDArray[np.integer]]]:
    """A photograph and copies of it that were not enlarged, with what they are."""
    picture = np.ascontiguousarray(read_image(path)[:, :, :3])
    crop = cropped(picture, *CROP_PX)
    blurred = cv2.GaussianBlur(crop, (0, 0), SOFT_AS_IT_IS_PX)
    soft = np.asarray(blurred, np.uint8)
    half = np.asarray(halved(picture), np.uint8)
    reduced = cropped(half, *CROP_PX)
    yield "photographs as they are", picture
    for one in (crop, reduced, soft):
        yield "crops at 1:1, reduced and blurred ones", one
    for one in (crop, reduced, soft):
        for quality in (90, 75, 50, 30, 15):
            yield "these as JPEG of quality 90 to 15", coded(one, "JPEG", quality)
        for quality in (80, 50, 20, 5):
            yield "these as WebP of quality 80 to 5", coded(one, "WEBP", quality)
    yield "developed from a RAW mosaic of the reduced photograph", developed(reduced)


def halved(picture: NDArray[Any]) -> NDArray[Any]:
    """A picture at half its size."""
    half = cv2.resize(
        picture,
        None,
        fx=0.5,
        fy=0.5,
        interpolation=cv2.INTER_AREA,
    )
    return np.asarray(half)


def developed(picture: Pixels) -> NDArray[np.uint16]:
    """What our own development makes of the mosaic that a sensor would see of a picture."""
    height, width = (side - side % 2 for side in picture.shape[:2])
    stored = picture[:height, :width] / 255
    light = np.square(stored)
    red, green, blue = np.moveaxis(light, 2, 0)
    mosaic = green.copy()
    mosaic[0::2, 0::2] = red[0::2, 0::2]
    mosaic[1::2, 1::2] = blue[1::2, 1::2]
    noise = np.random.default_rng(0).normal(0, 0.004, mosaic.shape)
    noisy = np.clip(mosaic + noise, 0, 1)
    with tempfile.TemporaryDirectory() as folder:
        file = bayer_dng(Path(folder, "mosaic.dng"), noisy)
        return develop_raw(file)


def photographs_of_skimage() -> Iterator[Pixels]:
    """Photographs of scikit-image, with three colours."""
    for name in (*DATA, *DATA_BESIDE):
        picture = np.asarray(getattr(skimage.data, name)())
        if picture.ndim == 2:
            picture = np.repeat(picture[:, :, None], 3, axis=2)
        yield np.ascontiguousarray(picture[:, :, :3])


def given_traps() -> Iterator[Array]:
    """Traps of the guard at their own size."""
    for seed in SEEDS:
        for trap in traps(seed):
            yield trap.given


def reduced_traps() -> Iterator[Array]:
    """Traps of the guard at half their size."""
    for picture in given_traps():
        yield np.asarray(halved(picture), np.float32)


def screens() -> Iterator[Pixels]:
    """Windows at multiples of 1 to 8 px, half of them with writing and soft shadows."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        step = int(rng.choice([1, 2, 4, 8]))
        shown = np.full((700, 900, 3), 240, np.uint8)
        for _ in range(int(rng.integers(3, 40))):
            places = step * rng.integers(1, 100, 4)
            left, top, width, height = places.tolist()
            corners = (left, top), (left + width, top + height)
            colour = rng.integers(0, 256, 3).tolist()
            cv2.rectangle(shown, *corners, colour, cv2.FILLED)
        yield written_over(shown, seed / 40) if seed % 2 else shown


def written_over(windows: Pixels, blur_px: float) -> Pixels:
    """Windows with soft shadows, and sharp writing over them."""
    soft = cv2.GaussianBlur(windows, (0, 0), blur_px)
    shown = np.asarray(soft, np.uint8)
    for line in range(20, 700, 24):
        cv2.putText(
            shown,
            "windows with writing " * 4,
            (6, line),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.6,
            (0, 0, 0),
            1,
        )
    return shown


def pixel_art() -> Iterator[Pixels]:
    """Squares of 2 to 8 px in random colours."""
    for seed in range(50):
        rng = np.random.default_rng(seed)
        side = int(rng.choice([2, 3, 4, 8]))
        rows = 480 // side
        columns = 640 // side
        drawn = rng.integers(0, 256, (rows, columns, 3))
        squares = drawn.astype(np.uint8)
        yield squares.repeat(side, 0).repeat(side, 1)


def waves() -> Iterator[Pixels]:
    """Noisy waves along both axes, with periods of 2 to 8 px, half of them of whole pixels."""
    y, x = np.mgrid[:480, :640]
    for seed in range(50):
        rng = np.random.default_rng(seed)
        periods = rng.uniform(2, 8, 2) if seed % 2 else rng.choice([2, 3, 4, 8], 2)
        right, down = periods
        across = np.sin(2 * np.pi * x / right)
        along = np.sin(2 * np.pi * y / down)
        noise = rng.normal(0, 4, x.shape)
        grey = 128 + 40 * (across + along) + noise
        levels = np.clip(grey, 0, 255).astype(np.uint8)
        yield np.repeat(levels[:, :, None], 3, axis=2)


OTHERS: Mapping[str, Callable[[], Iterator[Pixels | Array]]] = {
    "pictures of scikit-image": photographs_of_skimage,
    "traps of the guard": given_traps,
    "traps of the guard at half their size": reduced_traps,
    "screens": screens,
    "pixel art": pixel_art,
    "waves of 2 to 8 px": waves,
}


if __name__ == "__main__":
    main()
