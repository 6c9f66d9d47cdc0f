"""Small dark discs of a sharp member, and those that stay at their pixel over a session: dust."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Places = Sequence[tuple[float, float]]
"""Column and row of each disc, as shares of the picture's width."""

SIDES_PX = (3, 5, 8)
"""Sides of the squares that lie within a disc; a disc is at most twice as wide."""
LEAST_LIGHT = 0.003
"""Light, as a share of white, that is added before a logarithm is taken."""
LEAST_DIP, GRAIN = 0.06, 0.03
"""Least difference between the ring around a disc and the disc, stops, and the standard deviation
of the grain that its contrast is compared with."""
LEAST_CONTRAST = 1.0
"""Least ratio of the dip to the standard deviation of the light in the disc and around it."""
APART_PX, MOST_DISCS = 7, 80
"""Side of the square in which a disc must be the clearest one, and largest number of discs that are
kept."""
BORDER_PX = 8
"""Width of the border in which no disc is looked for: a frame's dark edge is in all pictures."""
DECIMALS = 5

SAME_PX, COMPARED_WIDTH = 2.0, 800
"""Largest distance between one disc in two pairs, in px of a picture of that width."""
LEAST_PAIRS, BY_CHANCE, CHANCE_SHARE = 4, 2, 0.2
"""Least number of pairs of different scenes that show a disc at one pixel; in a longer session,
chance makes two, and one more for every five pairs. docs/alignment.md says what they cost."""
SAME_SCENE = 0.5
"""Share of the discs of one pair that another pair must have for both to show one scene."""


def dark_discs(light: Array) -> tuple[tuple[float, float], ...]:
    """The clearest dark discs of a picture ``(H, W)``, linear light, the clearest first."""
    contrast = _contrast(
        np.log2(np.maximum(light, np.float32(0)) + np.float32(LEAST_LIGHT))
    )
    around = np.asarray(cv2.dilate(contrast, np.ones((APART_PX, APART_PX), np.uint8)))
    shown = np.zeros(light.shape, bool)
    shown[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = True
    rows, columns = np.nonzero(
        (contrast >= around) & (contrast > LEAST_CONTRAST) & shown
    )
    clearest = np.argsort(-contrast[rows, columns], kind="stable")[:MOST_DISCS]
    shares = np.stack([columns, rows], axis=1)[clearest] / light.shape[1]
    return tuple((x, y) for x, y in np.round(shares, DECIMALS).tolist())


def _contrast(stops: Array) -> Array:
    """How far each place lies below the ring around it, over the deviations of both."""
    squares = stops * stops
    best = np.zeros_like(stops)
    for side in SIDES_PX:
        inner = _box(stops, side)
        inner_squares = _box(squares, side)
        outer = _ring(stops, side)
        outer_squares = _ring(squares, side)
        dip = outer - inner
        variance = inner_squares - inner**2 + outer_squares - outer**2
        contrast = dip / np.sqrt(np.maximum(variance, 0) + np.float32(GRAIN**2))
        np.maximum(best, np.where(dip > LEAST_DIP, contrast, 0), out=best)
    return best


def _ring(values: Array, side: int) -> Array:
    """Means between a square of twice the side, and one of four times the side."""
    inside = 2 * side + 1
    outside = 4 * side + 1
    sums = outside**2 * _box(values, outside) - inside**2 * _box(values, inside)
    return np.asarray(sums / np.float32(outside**2 - inside**2), np.float32)


def _box(values: Array, side: int) -> Array:
    return np.asarray(
        cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT),
        np.float32,
    )


def resting_discs(discs: Mapping[str, Places]) -> dict[str, int]:
    """How many discs of each pair stay at their pixel in pairs of other scenes, by name."""
    names = list(discs)
    owner = np.repeat(np.arange(len(names)), [len(one) for one in discs.values()])
    if not owner.size:
        return dict.fromkeys(names, 0)
    places = np.concatenate([np.reshape(one, (-1, 2)) for one in discs.values()])
    disc, other = _meetings(places, owner)
    elsewhere = _of_other_scenes(owner, disc, other, len(names))
    pairs = 1 + np.bincount(disc[elsewhere], minlength=len(owner))
    rests = pairs >= max(LEAST_PAIRS, BY_CHANCE + CHANCE_SHARE * len(names))
    numbers = np.bincount(owner[rests], minlength=len(names))
    return dict(zip(names, numbers.tolist(), strict=True))


def _meetings(
    places: NDArray[np.float64],
    owner: NDArray[np.intp],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Matches of a disc with another pair that has a disc at the same place, each once."""
    from scipy.spatial import KDTree  # slow to import

    near = KDTree(places).query_pairs(SAME_PX / COMPARED_WIDTH, output_type="ndarray")
    both = np.concatenate([near, near[:, ::-1]])
    disc, other = np.unique(np.stack([both[:, 0], owner[both[:, 1]]], axis=1), axis=0).T
    return disc, other


def with_resting_discs(
    numbers: Mapping[str, Mapping[str, float]],
    discs: Mapping[str, Places],
) -> dict[str, dict[str, float]]:
    """The numbers of some pairs by name, with how many of their discs stay at their pixel."""
    resting = resting_discs({name: discs[name] for name in numbers if name in discs})
    return {
        name: {**own, "resting_discs": resting[name]} if name in resting else {**own}
        for name, own in numbers.items()
    }


def _of_other_scenes(
    owner: NDArray[np.intp],
    disc: NDArray[np.intp],
    other: NDArray[np.intp],
    count: int,
) -> NDArray[np.bool_]:
    """Which matches are between pairs that show different scenes."""
    met = np.bincount(owner[disc] * count + other, minlength=count**2).reshape(
        count,
        count,
    )
    own = np.maximum(np.bincount(owner, minlength=count), 1)[:, None]
    alike = met >= SAME_SCENE * own
    return np.asarray((owner[disc] != other) & ~(alike | alike.T)[owner[disc], other])
