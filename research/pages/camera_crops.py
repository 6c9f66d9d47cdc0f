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
from defocus.pictures.values import as_float, linear_to_srgb, luma_of, srgb_to_linear
from defocus.pictures.write import write_image
from defocus.progress import say
from defocus.scene.aperture import Aperture
from research.alignment_truth.pair_blur import detailed
from research.learning.large_blur import convolved, ramp

Pixels = NDArray[np.uint8]

HEIGHT_PX, WIDTH_PX = 1152, 1536
PHOTOGRAPHS = 8
DIAMETERS_PX = (12, 24, 48, 96)
MAP_DIAMETERS_PX = (4, 8, 16, 24, 32, 48, 64, 96, 128)
RAMP_PX = (0.0, 96.0)
SUBJECT_RADIUS_PX, BEHIND_SUBJECT_PX = 300, 48
"""Radius of a disc in the middle that is in focus, and the circle of confusion around it, px."""
BLADES = (0, 6, 0, 7, 8, 5, 0, 9)
"""Corners of each photograph's aperture; 0 is a disc."""
NOISE = 0.003
"""Standard deviation of the noise, as a share of white."""
STEP_PX = 64
"""Step, px, of the search for the part with most detail."""

Array = NDArray[np.float32]


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
    given = words.parse_args()
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
    best = -1.0
    place = (0, 0)
    for top in range(0, picture.shape[0] - HEIGHT_PX + 1, STEP_PX):
        for left in range(0, picture.shape[1] - WIDTH_PX + 1, STEP_PX):
            bottom = top + HEIGHT_PX
            right = left + WIDTH_PX
            inside = (
                sums[bottom, right]
                - sums[top, right]
                - sums[bottom, left]
                + sums[top, left]
            )
            if inside > best:
                best = float(inside)
                place = (top, left)
    top, left = place
    return top, left


def blurred_ways(
    crop: Pixels,
    number: int,
) -> Iterator[tuple[str, Pixels]]:
    """The crop behind each blur, and as it is."""
    light = np.asarray(srgb_to_linear(as_float(crop)), np.float32)
    aperture = Aperture(blades=BLADES[number % len(BLADES)], turn_deg=17.0)
    random = np.random.default_rng([number, 7])
    for diameter in DIAMETERS_PX:
        yield f"{diameter}px", _stored(convolved(light, diameter, aperture), random)
    turn = float(np.pi / 2 * (number % 2))
    yield "ramp", _stored(ramp(light, aperture, RAMP_PX, turn)[0], random)
    behind = convolved(light, BEHIND_SUBJECT_PX, aperture)
    portrait = np.where(in_subject()[:, :, None], light, behind)
    yield "subject", _stored(portrait, random)
    yield "sharp", crop


def in_subject() -> NDArray[np.bool_]:
    """``(H, W)``: the disc that is in focus in the pictures with a subject."""
    rows, columns = np.ogrid[:HEIGHT_PX, :WIDTH_PX]
    distance = np.hypot(rows - HEIGHT_PX / 2, columns - WIDTH_PX / 2)
    return np.asarray(distance < SUBJECT_RADIUS_PX)


def _stored(light: Array, random: np.random.Generator) -> Pixels:
    stored = linear_to_srgb(np.clip(light, 0, 1))
    noisy = stored + NOISE * random.standard_normal(stored.shape)
    codes = np.rint(255 * np.clip(noisy, 0, 1))
    return np.asarray(codes, np.uint8)


def table(folder: Path, sharp: dict[str, Pixels]) -> Iterator[str]:
    """Lines of the table; what is sharp is compared with itself."""
    yield "| blur | mean gain, dB | worst | each |"
    yield "|---|---|---|---|"
    everywhere = np.ones((HEIGHT_PX, WIDTH_PX), np.bool_)
    blurs = (f"{diameter}px" for diameter in DIAMETERS_PX)
    for name in (*blurs, "ramp", "subject", "sharp"):
        compared = in_subject() if name == "subject" else everywhere
        values = []
        for number, truth in sharp.items():
            restored = psnr(
                read_image(folder / "restored" / f"{number}-{name}.png")[compared],
                truth[compared],
            )
            if name == "sharp":
                values.append(restored)
            else:
                blurry = read_image(folder / "blurry" / f"{number}-{name}.png")
                values.append(restored - psnr(blurry[compared], truth[compared]))
        middle = np.median(values) if name == "sharp" else np.mean(values)
        each = ", ".join(f"{value:.2f}" for value in values)
        yield f"| {name} | {middle:.2f} | {min(values):.2f} | {each} |"


def map_table(files: list[Path]) -> Iterator[str]:
    """Lines of a table: the median of the map over parts with detail, by the true diameter.

    Both of the map that restoring follows, and of the map as it is shown."""
    yield "| diameter, px | at | followed | shown | shown of each |"
    yield "|---|---|---|---|---|"
    crops = [most_detailed(np.asarray(read_image(path), np.uint8)) for path in files]
    for reduced_by, diameter in itertools.product((1, 2), (0, *MAP_DIAMETERS_PX)):
        followed = []
        shown = []
        for number, crop in enumerate(crops):
            picture, detail = _shot(crop, reduced_by, number, diameter)
            of_followed, of_shown = _map_medians(picture, detail)
            followed.append(of_followed)
            shown.append(of_shown)
        each = ", ".join(f"{value:.1f}" for value in shown)
        medians = f"{np.nanmedian(followed):.1f} | {np.nanmedian(shown):.1f}"
        yield f"| {diameter} | 1/{reduced_by} | {medians} | {each} |"


def _map_medians(
    picture: Pixels,
    detail: NDArray[np.bool_],
) -> tuple[float, float]:
    """Medians of the map that restoring follows and of the map as it is shown, px."""
    blur_map = estimate_blur_map(np.asarray(as_float(picture), np.float32))
    as_shown = shown_map(blur_map, luma_of(picture))
    followed = np.median(blur_map.full()[detail])
    return float(followed), float(np.median(as_shown.full()[detail]))


def _shot(
    crop: Pixels,
    reduced_by: int,
    number: int,
    diameter: float,
) -> tuple[Pixels, NDArray[np.bool_]]:
    """A crop out of focus as a camera stores it, and where it has detail."""
    sharp = _reduced_light(crop, reduced_by)
    detail = detailed(sharp)
    aperture = Aperture(blades=BLADES[number % len(BLADES)], turn_deg=17.0)
    random = np.random.default_rng([number, 8])
    picture = _stored(convolved(sharp, diameter, aperture), random)
    return picture, detail


def _reduced_light(crop: Pixels, reduced_by: int) -> Array:
    light = np.asarray(srgb_to_linear(as_float(crop)), np.float32)
    size = WIDTH_PX // reduced_by, HEIGHT_PX // reduced_by
    small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def psnr(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    """PSNR of two pictures of 8 bits, dB; 99 where they are equal."""
    difference = np.asarray(first, float) - np.asarray(second, float)
    error = np.square(difference).mean()
    if error == 0:
        return 99.0
    return float(10 * np.log10(255**2 / error))


if __name__ == "__main__":
    main()
