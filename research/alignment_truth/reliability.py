"""Counts the registration's errors within some of its standard errors; prints to stdout.

``python -m research.alignment_truth.reliability PHOTOGRAPHS… --stacks STACKS``: rendered pairs,
real-like pairs, and frames of real stacks beside the merged picture, moved in a known way."""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.linear_light import LUMINANCE, reduced_light
from defocus.align.registration.models import corner_distance_px
from defocus.align.registration.register import register
from defocus.align.sampling.pyramid import reduced
from defocus.pictures.read import read_pair
from defocus.pictures.values import Image, as_integer, as_linear
from defocus.progress import track
from research.alignment_truth.benchmark import REGISTRATION_SIZE
from research.alignment_truth.failures import corner_error_px
from research.alignment_truth.methods import Members
from research.alignment_truth.real_like.pair import real_like_pair
from research.alignment_truth.real_like.scene import scene_files
from research.alignment_truth.real_pairs import moves, shot_reference
from research.alignment_truth.rendered.pair import FULL, at_width, render_pair
from research.alignment_truth.rendered.textures import load_textures
from research.alignment_truth.stacks import REDUCTION, stack_frames
from research.light import encoded
from research.markdown import row, rule

Judged = tuple[float, float]
"""The error of an answer at the worst corner and the standard error that it states there, px."""

SIGMAS = (0.5, 1.0, 1.5, 2.0, 3.0)
REPEATS = 5
"""Number of moves of either kind that are tried on each frame of a stack."""


def table(sets: Mapping[str, Iterable[Judged]]) -> Iterator[str]:
    """Lines of a Markdown table, one for each set, as soon as its pairs are judged."""
    within = [f"within {sigma:g} σ" for sigma in SIGMAS]
    heads = (
        "answers",
        "error, median px",
        "stated, median px",
        *within,
    )
    yield row("pairs", *heads)
    yield rule(len(heads))
    for name, judged in sets.items():
        pairs = np.array([*judged], np.float64).reshape(-1, 2)
        errors, stated = pairs.T
        medians = [f"{np.median(lengths):.2f}" for lengths in (errors, stated)]
        shares = []
        for sigmas in SIGMAS:
            share = np.mean(errors <= sigmas * stated)
            shares.append(f"{100 * share:.0f} %")
        yield row(name, str(len(errors)), *medians, *shares)


def rendered(
    folders: Sequence[Path],
    seed: int,
    count: int,
) -> Iterator[Judged]:
    """Rendered pairs of the split ``test``."""
    textures = load_textures("test", tuple(folders))
    ranges = at_width(FULL, REGISTRATION_SIZE[1])
    for number in track(range(count), "rendered pairs"):
        pair = render_pair(textures, ranges, *REGISTRATION_SIZE, seed, number)
        found = Members(pair.blurry, pair.sharp).registration
        if found.matrix is not None and found.corner_error_px is not None:
            error_px = corner_error_px(pair, found.matrix)
            yield error_px, found.corner_error_px


def real_like(
    folders: Sequence[Path],
    seed: int,
    count: int,
) -> Iterator[Judged]:
    """Real-like pairs of the split ``test``."""
    files = scene_files("test", folders, None)
    for number in track(range(count), "real-like pairs"):
        pair = real_like_pair(files, seed, number)
        yield from _registered(pair.blurry, pair.sharp, pair.matrix)


def real(stacks: Path, seed: int) -> Iterator[Judged]:
    """Frames of stacks with a sure reference, moved as a whole and bent."""
    for number, (frame, merged) in enumerate(track(stack_frames(stacks), "real pairs")):
        blurry, sharp = map(_half, read_pair(frame, merged))
        shot = shot_reference(blurry, sharp)
        rng = np.random.default_rng([seed, number])
        for _ in range(REPEATS if shot.sure else 0):
            for _, picture, true in moves(sharp, shot, rng):
                yield from _registered(blurry, picture, true.matrix)


def _registered(
    blurry: Image,
    sharp: Image,
    true: NDArray[np.float64],
) -> Iterator[Judged]:
    """The error of our transform, if it gives one."""
    lights = [reduced_light(picture, 1, LUMINANCE) for picture in (blurry, sharp)]
    found = register(*lights)
    if found.matrix is not None and found.corner_error_px is not None:
        error_px = corner_distance_px(found.matrix, true, blurry.shape)
        yield error_px, found.corner_error_px


def _half(picture: Image) -> Image:
    light = reduced(as_linear(picture), REDUCTION)
    return as_integer(encoded(light), 8)


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("photographs", nargs="+", type=Path)
    words.add_argument("--stacks", required=True, type=Path)
    words.add_argument("--pairs", type=int, default=200)
    words.add_argument("--seed", type=int, default=203)
    given = words.parse_args()
    sets = {
        "rendered": rendered(given.photographs, given.seed, given.pairs),
        "real-like": real_like(given.photographs, given.seed, given.pairs),
        "real, moved": real(given.stacks, given.seed),
    }
    for line in table(sets):
        click.echo(line)


if __name__ == "__main__":
    main()
