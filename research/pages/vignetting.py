"""Pairs whose blurry member loses light at the corners: a table of docs/alignment.md.

``python -m research.pages.vignetting PICTURES``: growing discs, three laws of darkening."""

import argparse
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.equalise import disc_blurred
from defocus.align.photometry.exposure import vignetting_ev
from defocus.align.photometry.linear_light import LUMINANCE, reduced_light
from defocus.align.registration.models import corner_distance_px
from defocus.align.registration.register import register
from defocus.pictures.read import read_image
from defocus.pictures.values import as_integer
from defocus.scene.geometry import Similarity
from research.light import Array, encoded, from_centre_squared, homogeneous, single
from research.markdown import number_or_dash, row

CORNER_EV = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
BLUR_PX = (6.0, 8.0, 10.0, 12.0)
NOISE = 0.002
PICTURES = 8


def fall(law: int, corner_ev: float, shape: tuple[int, ...]) -> Array:
    """Light over that at the centre: fourth power of the cosine, power of 2 in r² or in r⁴."""
    squared = from_centre_squared(shape)
    if law == 0:
        tangent_squared = (2 ** (corner_ev / 2) - 1) * squared
        return single((1 + tangent_squared) ** -2)
    stops = -corner_ev * squared**law
    return single(2**stops)


def stored(light: Array, seed: int) -> Array:
    """Linear light as it is after noise and eight bits."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, NOISE, light.shape)
    codes = as_integer(encoded(light + noise), 8)
    coloured = np.repeat(codes[:, :, None], 3, axis=2)
    return reduced_light(coloured, 1, LUMINANCE)


def tried(
    file: Path,
    number: int,
    corner_ev: float,
) -> tuple[float | None, float]:
    """Error of the registration at the worst corner, px, and what is measured of the light, EV."""
    scene = reduced_light(read_image(file), 1, LUMINANCE)
    height, width = scene.shape
    matrix = _misalignment(number, width, height)
    sharp = cv2.warpAffine(
        scene,
        matrix[:2],
        (width, height),
        flags=cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT,
    )
    blurry = _blurred(number, corner_ev, scene, width)
    first = stored(blurry, 1)
    second = stored(single(sharp), 2)
    ev = vignetting_ev(first, second, np.ones(scene.shape, dtype=bool))
    transform = register(first, second).matrix
    error = None
    if transform is not None:
        error = corner_distance_px(transform, matrix, scene.shape)
    return error, float("nan") if ev is None else ev


def _misalignment(
    number: int,
    width: int,
    height: int,
) -> NDArray[np.float64]:
    """A drawn transform."""
    rng = np.random.default_rng(number)
    right = rng.uniform(-1, 1)
    down = rng.uniform(-1, 1)
    zoom = 1 + rng.uniform(-0.002, 0.002)
    moved = Similarity(zoom=zoom, shift_px=(right, down))
    similarity = moved if number % 2 else Similarity()
    return homogeneous(similarity.matrix(width, height))


def _blurred(
    number: int,
    corner_ev: float,
    scene: Array,
    width: int,
) -> Array:
    """The scene with a blur that grows to the right, and vignetting."""
    largest = BLUR_PX[number % len(BLUR_PX)]
    left = disc_blurred(scene, 0.6 * largest)
    right = disc_blurred(scene, largest)
    share = np.linspace(0, 1, width, dtype=np.float32)
    mixed = left * (1 - share) + right * share
    return mixed * fall(number % 3, corner_ev, scene.shape)


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("pictures", type=Path)
    files = sorted(words.parse_args().pictures.iterdir())[:PICTURES]
    click.echo(
        "| EV at the corners | answered | error, median px | worst px | measured EV |"
    )
    click.echo("| ---: | ---: | ---: | ---: | ---: |")
    for corner_ev in CORNER_EV:
        results = [tried(file, number, corner_ev) for number, file in enumerate(files)]
        errors = [error for error, _ in results if error is not None]
        measured = [ev for _, ev in results]
        middle = worst = None
        if errors:
            middle = float(np.median(errors))
            worst = max(errors)
        cells = (
            f"{len(errors)} of {len(results)}",
            number_or_dash(middle),
            number_or_dash(worst),
            f"{min(measured):.2f} to {max(measured):.2f}",
        )
        click.echo(row(f"{corner_ev:g}", *cells))


if __name__ == "__main__":
    main()
