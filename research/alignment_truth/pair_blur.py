"""The blur map of rendered pairs beside the blur that they have. The table goes to stdout.

``python -m research.alignment_truth.pair_blur PHOTOGRAPHS``, a folder of full-size photographs."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np

from defocus.align.compensation.blur_map import blur_map
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.sampling.pyramid import reduced, resized_to
from defocus.blur.gradients import slopes
from defocus.pictures.read import IMAGE_SUFFIXES, read_image
from defocus.pictures.values import Image, as_integer, as_linear, linear_to_srgb
from defocus.scene.aperture import disc_psf
from research.light import Array, Mask, Random, encoded, files_with, single
from research.markdown import row

MEGAPIXELS = (1.0, 3.0, 12.0)
DIAMETERS_PX = (4.0, 8.0, 16.0, 32.0, 48.0, 64.0, 96.0, 128.0)
SHARP_SHARE = 1 / 3
"""Share of the width, from the left, that is in focus."""
MOVE = np.array([[1.001, 0.0, 1.3], [0.0, 1.001, -0.7]], np.float32)
"""Transform from the blurry to the sharp member: a shift and a zoom of 0.1 %."""
SHOT, READ = 0.0035, 0.0005
"""Noise of white light and of darkness, as shares of white."""
DETAIL, DETAIL_SIDE, DETAIL_PX = 0.015, 1000, 8
"""Least mean gradient of a part with detail, codes; side of the reduced picture in which gradients
are taken, px; and side of the square that a mean covers, px."""
MARGIN_PX = 8


def table(photographs: list[Path], sizes: tuple[float, ...]) -> Iterator[str]:
    """Lines of a Markdown table; a cell has one median for each photograph."""
    yield row("diameter, px", *(f"{size:g} MP" for size in sizes))
    yield "| ---: |" + " --- |" * len(sizes)
    for diameter_px in DIAMETERS_PX:
        cells = []
        for size in sizes:
            seen = [_seen(file, size, diameter_px) for file in photographs]
            cells.append(", ".join(seen))
        yield row(f"{diameter_px:g}", *cells)


def _seen(
    photograph: Path,
    megapixels: float,
    diameter_px: float,
) -> str:
    """The median over blurred parts with detail, and the share of them that is known."""
    sharp = _of_size(as_linear(read_image(photograph)), megapixels)
    measurement = measure(*_members(sharp, diameter_px), flow_estimator())
    blur = blur_map(measurement)
    if blur is None:
        return "unknown"
    margin = round(diameter_px) + MARGIN_PX
    left = round(SHARP_SHARE * sharp.shape[1])
    rows = slice(margin, -margin)
    columns = slice(left + margin, -margin)
    with_detail = detailed(sharp)[rows, columns]
    values = blur.diameter_px[rows, columns][with_detail]
    known = np.isfinite(values)
    if not known.any():
        return "none known"
    share = 100 * known.mean()
    return f"{np.median(values[known]):.1f} ({share:.0f} %)"


def _of_size(light: Array, megapixels: float) -> Array:
    height, width = light.shape[:2]
    larger = 1e6 * megapixels / (height * width)
    scale = float(np.sqrt(larger))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (round(scale * width), round(scale * height))
    resized = cv2.resize(light, size, interpolation=kind)
    return single(np.clip(resized, 0, 1))


def _members(light: Array, diameter_px: float) -> tuple[Image, Image]:
    """The blurry member, in focus at the left, and the sharp one, which has moved."""
    rng = np.random.default_rng(0)
    height, width = light.shape[:2]
    left = round(SHARP_SHARE * width)
    kernel = disc_psf(diameter_px).astype(np.float32)
    border = cv2.BORDER_REFLECT
    planes = []
    for colour in range(3):
        plane = light[..., colour].copy()
        through = cv2.filter2D(
            plane,
            cv2.CV_32F,
            kernel,
            borderType=border,
        )
        planes.append(through)
    blurry = single(np.stack(planes, axis=2))
    blurry[:, :left] = light[:, :left]
    moved = cv2.warpAffine(
        light,
        MOVE,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=border,
    )
    sharp = single(moved)
    return _photographed(blurry, rng), _photographed(sharp, rng)


def _photographed(light: Array, rng: Random) -> Image:
    light = np.clip(light, 0, 1)
    variance = SHOT**2 * light + READ**2
    drawn = rng.standard_normal(light.shape, np.float32)
    noise = np.sqrt(variance) * drawn
    return as_integer(encoded(light + noise), 8)


def detailed(light: Array) -> Mask:
    """Mask of the detail of a sharp picture in linear light."""
    codes = cv2.cvtColor(
        single(linear_to_srgb(light)),
        cv2.COLOR_RGB2GRAY,
    )
    factor = max(codes.shape) // DETAIL_SIDE
    small = reduced(np.asarray(codes), max(factor, 1))
    x, y = slopes(small)
    squares = x * x + y * y
    energy = cv2.GaussianBlur(squares, (0, 0), DETAIL_PX)
    detail = np.sqrt(single(energy))
    return resized_to(detail, codes.shape) > DETAIL


def main() -> None:
    """Print the table of a folder of photographs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument(
        "--megapixels",
        type=float,
        nargs="+",
        default=MEGAPIXELS,
    )
    options = parser.parse_args()
    files = files_with(IMAGE_SUFFIXES, options.photographs)
    for line in table(files, tuple(options.megapixels)):
        click.echo(line)


if __name__ == "__main__":
    main()
