"""Gains of the installed command on crops: ``python -m research.pages.camera_crops PHOTOGRAPHS``.

The part with most detail of eight held-out photographs at 1:1, behind discs and polygons, a ramp,
and a subject in focus before a strong blur, of which the subject alone is compared;
``defocus-restore`` restores the files, and they are compared with what was blurred."""

import argparse
import itertools
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.learned_map import estimate_blur_map
from defocus.blur.shown_map import shown_map
from defocus.datasets.stream.photographs import find_photographs
from defocus.pictures.read import read_image
from defocus.pictures.values import (
    as_float,
    as_integer,
    as_linear,
    linear_to_srgb,
    luma_of,
)
from defocus.pictures.write import write_image
from defocus.progress import say
from defocus.scene.aperture import Aperture
from research.alignment_truth.pair_blur import detailed
from research.learning.large_blur import convolved, ramp
from research.light import Array, Mask, Pixels, Random, single
from research.markdown import row

HEIGHT_PX, WIDTH_PX = 1152, 1536
PHOTOGRAPHS = 8
DIAMETERS_PX = (12, 24, 48, 96)
MAP_DIAMETERS_PX = (4, 8, 16, 24, 32, 48, 64, 96, 128)
WHOLE_DIAMETERS_PX = (16, 32, 48, 96, 128)
WHOLE_MEGAPIXELS = (9.5, 17.0)
"""Sizes of the photographs of which the map is measured as a whole; some of them trained it, as few
that are held out are so large."""
WHOLE_PHOTOGRAPHS = 7
RAMP_PX = (0.0, 96.0)
SUBJECT_RADIUS_PX = 300
"""Radius of a disc in the middle that is in focus."""
BEHIND_SUBJECT_PX = 48
"""Circle of confusion around the subject."""
BLADES = (0, 6, 0, 7, 8, 5, 0, 9)
"""Corners of each photograph's aperture; 0 is a disc."""
NOISE = 0.003
"""Standard deviation of the noise, as a share of white."""
STEP_PX = 64
"""Step, px, of the search for the part with most detail."""


def main() -> None:
    """Print a table of the gains, dB."""
    words = argparse.ArgumentParser(
        description="Gains of the installed command on crops at 1:1."
    )
    words.add_argument("photographs", type=Path)
    words.add_argument("--baseline", default="defocus-m")
    words.add_argument(
        "--map",
        action="store_true",
        help="Only measure the map of blur.",
    )
    words.add_argument(
        "--whole",
        action="store_true",
        help="Only measure the map of blur, of whole photographs.",
    )
    given = words.parse_args()
    if given.whole:
        for line in whole_table(given.photographs):
            say(line)
        return
    files = large_enough(given.photographs)
    if given.map:
        for line in map_table(files):
            say(line)
        return
    with tempfile.TemporaryDirectory() as folder:
        sharp = write_crops(files, Path(folder))
        command = [
            "defocus-restore",
            str(Path(folder, "blurry")),
            "--baseline",
            given.baseline,
        ]
        out = str(Path(folder, "restored"))
        subprocess.run([*command, "--out", out], check=True)
        for line in table(Path(folder), sharp):
            say(line)


def large_enough(folder: Path) -> list[Path]:
    """The first held-out photographs, by hash, from which a crop can be cut."""
    files = []
    for path in find_photographs(folder).of("held-out"):
        height, width = read_image(path).shape[:2]
        if height >= HEIGHT_PX and width >= WIDTH_PX:
            files.append(path)
    return files[:PHOTOGRAPHS]


def write_crops(files: list[Path], folder: Path) -> dict[str, Pixels]:
    """Write the blurred crops; return the sharp ones by the photograph's number."""
    (folder / "blurry").mkdir()
    sharp = {}
    for number, path in enumerate(files):
        crop = most_detailed(np.asarray(read_image(path), np.uint8))
        sharp[str(number)] = crop
        for name, picture in blurred_ways(crop, number):
            write_image(folder / "blurry" / f"{number}-{name}.png", picture)
    return sharp


def most_detailed(picture: Pixels) -> Pixels:
    """The part whose neighbours differ most."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    top, left = _place(picture, detail)
    rows = slice(top, top + HEIGHT_PX)
    return np.ascontiguousarray(picture[rows, left : left + WIDTH_PX])


def _place(picture: Pixels, detail: Array) -> tuple[int, int]:
    """Top and left of the part with most detail."""
    sums = cv2.integral(detail)
    tops = slice(0, picture.shape[0] - HEIGHT_PX + 1, STEP_PX)
    lefts = slice(0, picture.shape[1] - WIDTH_PX + 1, STEP_PX)
    below = sums[HEIGHT_PX:]
    inside = (
        below[:, WIDTH_PX:][tops, lefts]
        - sums[:, WIDTH_PX:][tops, lefts]
        - below[tops, lefts]
        + sums[tops, lefts]
    )
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(row) * STEP_PX, int(column) * STEP_PX


def blurred_ways(
    crop: Pixels,
    number: int,
) -> Iterator[tuple[str, Pixels]]:
    """The crop behind each blur, and as it is."""
    light = as_linear(crop)
    aperture = _aperture(number)
    random = np.random.default_rng([number, 7])
    for diameter in DIAMETERS_PX:
        through = convolved(light, diameter, aperture)
        yield f"{diameter}px", _stored(through, random)
    turn = float(np.pi / 2 * (number % 2))
    through, _ = ramp(light, aperture, RAMP_PX, turn)
    yield "ramp", _stored(through, random)
    behind = convolved(light, BEHIND_SUBJECT_PX, aperture)
    portrait = np.where(in_subject()[:, :, None], light, behind)
    yield "subject", _stored(portrait, random)
    yield "sharp", crop


def in_subject() -> Mask:
    """``(H, W)``: the disc that is in focus in the pictures with a subject."""
    rows, columns = np.ogrid[:HEIGHT_PX, :WIDTH_PX]
    down = rows - HEIGHT_PX / 2
    across = columns - WIDTH_PX / 2
    distance = np.hypot(down, across)
    return np.asarray(distance < SUBJECT_RADIUS_PX)


def _aperture(number: int) -> Aperture:
    """The aperture of a photograph."""
    return Aperture(blades=BLADES[number % len(BLADES)], turn_deg=17.0)


def _stored(light: Array, random: Random) -> Pixels:
    stored = linear_to_srgb(np.clip(light, 0, 1))
    noise = NOISE * random.standard_normal(stored.shape)
    codes = as_integer(stored + noise, 8)
    return np.asarray(codes, np.uint8)


def table(folder: Path, sharp: dict[str, Pixels]) -> Iterator[str]:
    """Lines of the table; what is sharp is compared with itself."""
    yield "| blur | mean gain, dB | worst | each |"
    yield "|---|---|---|---|"
    blurs = [f"{diameter}px" for diameter in DIAMETERS_PX]
    everywhere = np.ones((HEIGHT_PX, WIDTH_PX), np.bool_)
    for name in (*blurs, "ramp", "subject"):
        compared = in_subject() if name == "subject" else everywhere
        before = _levels(folder / "blurry", name, sharp, compared)
        after = _levels(folder / "restored", name, sharp, compared)
        gains = np.subtract(after, before).tolist()
        yield _line(name, np.mean(gains), gains)
    levels = _levels(folder / "restored", "sharp", sharp, everywhere)
    yield _line("sharp", np.median(levels), levels)


def _levels(
    folder: Path,
    name: str,
    sharp: dict[str, Pixels],
    compared: Mask,
) -> list[float]:
    """PSNR of the compared part of the pictures behind a blur, dB."""
    levels = []
    for number, truth in sharp.items():
        picture = read_image(folder / f"{number}-{name}.png")
        levels.append(psnr(picture[compared], truth[compared]))
    return levels


def _line(name: str, middle: np.floating, values: list[float]) -> str:
    """A line of the table: the middle, the least and each."""
    each = ", ".join(f"{value:.2f}" for value in values)
    return row(name, f"{middle:.2f}", f"{min(values):.2f}", each)


def map_table(files: list[Path]) -> Iterator[str]:
    """Lines of a table: the median of the map over parts with detail, by the true diameter.

    Both of the map that restoring follows, and of the map as it is shown."""
    yield "| diameter, px | at | followed | shown | shown of each |"
    yield "|---|---|---|---|---|"
    crops = []
    for path in files:
        picture = np.asarray(read_image(path), np.uint8)
        crops.append(most_detailed(picture))
    for reduced_by, diameter in itertools.product((1, 2), (0, *MAP_DIAMETERS_PX)):
        followed = []
        shown = []
        for number, crop in enumerate(crops):
            picture, detail = _shot(crop, reduced_by, number, diameter)
            of_followed, of_shown = _map_medians(picture, detail)
            followed.append(of_followed)
            shown.append(of_shown)
        each = ", ".join(f"{value:.1f}" for value in shown)
        medians = [f"{np.nanmedian(values):.1f}" for values in (followed, shown)]
        yield row(str(diameter), f"1/{reduced_by}", *medians, each)


def whole_table(folder: Path) -> Iterator[str]:
    """Lines of a table: the median of the map that restoring follows, of whole photographs."""
    yield "| diameter, px | followed | of each |"
    yield "|---|---|---|"
    files = _large_ones(folder)
    for diameter in WHOLE_DIAMETERS_PX:
        followed = []
        for number, path in enumerate(files):
            picture = np.asarray(read_image(path), np.uint8)
            shot, detail = _shot_of(single(as_linear(picture)), number, diameter)
            blur_map = estimate_blur_map(single(as_float(shot)))
            followed.append(float(np.median(blur_map.full()[detail])))
        each = ", ".join(f"{value:.1f}" for value in followed)
        yield row(str(diameter), f"{np.median(followed):.1f}", each)


def _large_ones(folder: Path) -> list[Path]:
    """The first training photographs, by hash, of the sizes that are measured as a whole."""
    least, most = WHOLE_MEGAPIXELS
    files = []
    for path in find_photographs(folder).of("train"):
        height, width = read_image(path).shape[:2]
        if least * 1e6 <= height * width <= most * 1e6:
            files.append(path)
        if len(files) == WHOLE_PHOTOGRAPHS:
            break
    return files


def _map_medians(
    picture: Pixels,
    detail: Mask,
) -> tuple[float, float]:
    """Medians of the map that restoring follows and of the map as it is shown, px."""
    blur_map = estimate_blur_map(single(as_float(picture)))
    as_shown = shown_map(blur_map, luma_of(picture))
    followed = np.median(blur_map.full()[detail])
    shown = np.median(as_shown.full()[detail])
    return float(followed), float(shown)


def _shot(
    crop: Pixels,
    reduced_by: int,
    number: int,
    diameter: float,
) -> tuple[Pixels, Mask]:
    """A crop out of focus as a camera stores it, and where it has detail."""
    return _shot_of(_reduced_light(crop, reduced_by), number, diameter)


def _shot_of(
    sharp: Array,
    number: int,
    diameter: float,
) -> tuple[Pixels, Mask]:
    """A picture ``(H, W, 3)`` in linear light behind an aperture, and where it has detail."""
    detail = detailed(sharp)
    random = np.random.default_rng([number, 8])
    through = convolved(sharp, diameter, _aperture(number))
    return _stored(through, random), detail


def _reduced_light(crop: Pixels, reduced_by: int) -> Array:
    light = as_linear(crop)
    size = WIDTH_PX // reduced_by, HEIGHT_PX // reduced_by
    small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    return single(small)


def psnr(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    """PSNR of two pictures of 8 bits, dB; 99 where they are equal."""
    difference = first.astype(float) - second.astype(float)
    error = np.square(difference).mean()
    if error == 0:
        return 99.0
    return float(10 * np.log10(255**2 / error))


if __name__ == "__main__":
    main()
