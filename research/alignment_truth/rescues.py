"""Tries what helps pairs whose misalignment is unknown, on pairs that are rendered to be so.

``python -m research.alignment_truth.rescues`` prints the table of unknown-alignment.md."""

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.register import Registration, register
from defocus.align.registration.session import SessionLens, Shared, register_in_session
from defocus.progress import track
from defocus.scene.aperture import disc_psf
from research.alignment_truth.methods import Members
from research.alignment_truth.rendered.pair import FULL, Ranges, at_width, render_pair
from research.alignment_truth.rendered.textures import Textures, load_textures
from research.light import Random, single

WIDTH, HEIGHT = 384, 288
SEED = 520
MOST_TRIED, ENOUGH = 48, 10
"""Largest number of pairs of each kind that are rendered, and number of unknown ones that are
enough."""
WRONG_PX = 1.0
ZOOM_SIGMA = 0.0005
"""Standard error of a session's zoom; the sessions in docs/alignment.md are about as sure."""
SOFT_SIGMA_PX, SOFT_CONTRAST, NOISE = 9.0, 0.15, 0.01
BRICK_PX, BRICK_MARGIN = (14, 40), 40

Picture = NDArray[np.float32]
Find = Callable[[Picture, Picture], Registration]

BASE = replace(at_width(FULL, WIDTH), parallax_px=0.0)
SHIFTED = replace(BASE, zoom=(1.0, 1.0), rotation_deg=0.0)
STRONG, COMA = (25.0, 45.0), (10.0, 40.0)


@dataclass(frozen=True)
class MovedPair:
    """A pair: linear luminance of both members, and the true flow ``(2, H, W)``, px."""

    blurry: Picture
    sharp: Picture
    flow: Picture

    @property
    def reach_px(self) -> float:
        """Longest way of a corner."""
        longest = 0.0
        for y in (0, -1):
            for x in (0, -1):
                way = self.flow[:, y, x]
                longest = max(longest, math.hypot(*way))
        return longest

    @property
    def zoom(self) -> float:
        """The true zoom: the factor between the distances of the upper corners."""
        left = self.flow[:, 0, 0]
        right = self.flow[:, 0, -1]
        before = WIDTH - 1
        apart = right - left + np.array([before, 0])
        return float(np.hypot(*apart)) / before

    def error_px(self, registration: Registration) -> float:
        """Error of a transform at the worst corner."""
        worst = 0.0
        for y in (0, HEIGHT - 1):
            for x in (0, WIDTH - 1):
                placed = np.asarray(registration.matrix) @ (x, y, 1.0)
                shift = placed[:2] / placed[2] - (x, y)
                away = shift - self.flow[:, y, x]
                worst = max(worst, math.hypot(*away))
        return worst


Make = Callable[[int], MovedPair]
"""Function that makes a pair by its number."""


@dataclass(frozen=True)
class Kind:
    """A kind of pairs, and the same pairs taken better."""

    name: str  # what is difficult
    make: Make  # by a pair's number
    # what would be done better, and the same pair so
    better: tuple[str, Make] | None = None


def _rendered(
    textures: Textures,
    ranges: Ranges,
    number: int,
    *,
    soft: bool = False,
) -> MovedPair:
    pair = render_pair(
        textures,
        ranges,
        HEIGHT,
        WIDTH,
        seed=SEED,
        index=number,
    )
    blurry = pair.blurry
    sharp = pair.sharp
    if soft:
        rng = np.random.default_rng(number)
        blurry = _soft(blurry, rng)
        sharp = _soft(sharp, rng)
    return MovedPair(*Members(blurry, sharp).light, pair.flow)


def _soft(picture: Picture, rng: Random) -> Picture:
    """A scene without fine texture and with little contrast."""
    smooth = cv2.GaussianBlur(picture, (0, 0), SOFT_SIGMA_PX)
    pale = 0.5 + SOFT_CONTRAST * (smooth - 0.5)
    noise = rng.normal(0, NOISE, pale.shape)
    noisy = pale + noise
    return single(np.clip(noisy, 0, 1))


def _bricks(number: int) -> MovedPair:
    """A wall of equal bricks that moved by less than half a brick."""
    rng = np.random.default_rng(number)
    wall = _wall(int(rng.integers(*BRICK_PX)))
    across, down = rng.integers(-6, 7, 2).tolist()
    diameter_px = rng.uniform(3, 8)
    blurred = cv2.filter2D(wall, -1, disc_psf(diameter_px))
    still = _part(blurred, BRICK_MARGIN, BRICK_MARGIN)
    blurry = _coloured(_noisy(still, rng))
    top = BRICK_MARGIN - down
    left = BRICK_MARGIN - across
    shifted = _part(wall, top, left)
    sharp = _coloured(_noisy(shifted, rng))
    moved = np.array([across, down], np.float32)
    flow = np.tile(moved[:, None, None], (1, HEIGHT, WIDTH))
    return MovedPair(*Members(blurry, sharp).light, flow)


def _wall(side: int) -> Picture:
    """Bricks of a height, with mortar of 3 px, larger than a picture by a margin on each side."""
    height = HEIGHT + 2 * BRICK_MARGIN
    width = WIDTH + 2 * BRICK_MARGIN
    y, x = np.mgrid[:height, :width]
    every_second_row = y // side % 2 * side
    in_row = (x + every_second_row) % (2 * side) > 3
    in_column = y % side > 2
    grey = np.where(in_row & in_column, 0.65, 0.35)
    return grey.astype(np.float32)


def _part(wall: NDArray[Any], top: int, left: int) -> NDArray[Any]:
    """What a picture shows of a wall."""
    return wall[top : top + HEIGHT, left : left + WIDTH]


def _noisy(grey: NDArray[Any], rng: Random) -> NDArray[Any]:
    """A picture with the noise of a camera."""
    noise = rng.normal(0, 0.004, grey.shape)
    return np.clip(grey + noise, 0, 1)


def _coloured(grey: NDArray[Any]) -> Picture:
    return np.dstack([grey.astype(np.float32)] * 3)


def _kinds() -> Iterator[Kind]:
    textures = load_textures("test", ())
    pairs = partial(_rendered, textures)
    for moved, ranges in (("", BASE), (", shift alone", SHIFTED)):
        strong = replace(ranges, coc_px=STRONG)
        coma = replace(ranges, coc_px=COMA, families=("coma",))
        less = replace(strong, coc_px=(10.0, 20.0))
        little = replace(coma, coc_px=(3.0, 8.0))
        yield Kind(
            f"blur of {STRONG[0]:g} to {STRONG[1]:g} px{moved}",
            partial(pairs, strong),
            ("blur of 10 to 20 px", partial(pairs, less)),
        )
        yield Kind(
            f"coma{moved}",
            partial(pairs, coma),
            ("blur of 3 to 8 px", partial(pairs, little)),
        )
    far = replace(BASE, coc_px=(5.0, 15.0), shift_px=200.0)
    near = replace(far, shift_px=40.0)
    yield Kind(
        "shift of up to 200 px",
        partial(pairs, far),
        ("up to 40 px", partial(pairs, near)),
    )
    plain = replace(BASE, coc_px=(5.0, 20.0))
    yield Kind(
        "little texture",
        partial(pairs, plain, soft=True),
        ("texture", partial(pairs, plain)),
    )
    yield Kind("equal bricks", _bricks)


def _tries(pair: MovedPair) -> dict[str, Find]:
    """Remedies for a person that do not need the pair to be taken again."""
    # the zoom is the true one: what a session's zoom answers, not whether the session finds it
    zoom_sigma = ZOOM_SIGMA if pair.zoom != 1 else 0.0
    session = SessionLens(Shared(pair.zoom, zoom_sigma, 3))

    def in_session(blurry: Picture, sharp: Picture) -> Registration:
        return register_in_session(blurry, sharp, session)[0]

    return {
        "session, true zoom": in_session,
        "translation": partial(register, at_most="translation"),
        "similarity": partial(register, at_most="similarity"),
        "largest shift": partial(register, largest_px=1.05 * pair.reach_px + 1),
    }


def main() -> None:
    """Print how many unknown pairs of each kind each measure answers, and how many wrongly."""
    for kind in _kinds():
        answers: dict[str, list[float]] = {}
        unknown = tried = 0
        for number in track(range(MOST_TRIED), kind.name):
            pair = kind.make(number)
            tried += 1
            if register(pair.blurry, pair.sharp).matrix is not None:
                continue
            unknown += 1
            for name, truth, result in _outcomes(kind, number, pair):
                errors = answers.setdefault(name, [])
                if result.matrix is not None:
                    errors.append(truth.error_px(result))
            if unknown == ENOUGH:
                break
        _say(kind, unknown, tried, answers)


def _outcomes(
    kind: Kind,
    number: int,
    pair: MovedPair,
) -> Iterator[tuple[str, MovedPair, Registration]]:
    """What each remedy answers, with the pair that it was tried on."""
    for name, find in _tries(pair).items():
        yield name, pair, find(pair.blurry, pair.sharp)
    if kind.better is not None:
        name, make = kind.better
        again = make(number)
        yield name, again, register(again.blurry, again.sharp)


def _say(
    kind: Kind,
    unknown: int,
    tried: int,
    answers: dict[str, list[float]],
) -> None:
    """Print how many unknown pairs of a kind are answered, and how many wrongly."""
    print(f"{kind.name}: {unknown} of {tried} unknown")  # noqa: T201 - what was asked for
    for name, errors in answers.items():
        wrong = sum(error > WRONG_PX for error in errors)
        worst = f", by {max(errors):.2f} px at most" if errors else ""
        print(f"  {name}: {len(errors)} answered, {wrong} wrong{worst}")  # noqa: T201


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
