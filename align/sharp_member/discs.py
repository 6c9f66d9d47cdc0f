"""Small dark discs of a sharp member, and those that stay at their pixel over a session: dust."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.sampling.pyramid import box_means

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
"""Least number of pairs of different scenes that must show a disc at one pixel for it to be dust.
In a longer session chance makes two such pairs, and one more for every five pairs;
docs/alignment.md says what the limits cost."""
SAME_SCENE = 0.5
"""Share of a pair's discs that another pair must have, too, for both to count as pictures of one
scene."""


def dark_discs(light: Array) -> tuple[tuple[float, float], ...]:
    """The clearest dark discs of a picture ``(H, W)``, linear light, the clearest first."""
    floored = np.maximum(light, np.float32(0)) + np.float32(LEAST_LIGHT)
    contrast = _contrast(np.log2(floored))
    rows, columns = np.nonzero(_peaks(contrast))
    order = np.argsort(-contrast[rows, columns], kind="stable")
    clearest = order[:MOST_DISCS]
    places = np.stack([columns, rows], axis=1)[clearest]
    shares = np.round(places / light.shape[1], DECIMALS)
    return tuple((x, y) for x, y in shares.tolist())


def _peaks(contrast: Array) -> NDArray[np.bool_]:
    """Where the contrast is the highest around, and away from the border."""
    neighbours = np.ones((APART_PX, APART_PX), np.uint8)
    around = np.asarray(cv2.dilate(contrast, neighbours))
    highest = (contrast >= around) & (contrast > LEAST_CONTRAST)
    shown = np.zeros(contrast.shape, bool)
    shown[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = True
    return highest & shown


def _contrast(stops: Array) -> Array:
    """How far each place lies below the ring around it, over the deviations of both."""
    squares = stops * stops
    best = np.zeros_like(stops)
    for side in SIDES_PX:
        inner = box_means(stops, side)
        inner_squares = box_means(squares, side)
        outer = _ring(stops, side)
        outer_squares = _ring(squares, side)
        dip = outer - inner
        variance = inner_squares - inner**2 + outer_squares - outer**2
        scatter = np.sqrt(np.maximum(variance, 0) + np.float32(GRAIN**2))
        contrast = np.where(dip > LEAST_DIP, dip / scatter, 0)
        np.maximum(best, contrast, out=best)
    return best


def _ring(values: Array, side: int) -> Array:
    """Means between a square of twice the side, and one of four times the side."""
    inside = 2 * side + 1
    outside = 4 * side + 1
    outer_sum = outside**2 * box_means(values, outside)
    inner_sum = inside**2 * box_means(values, inside)
    area = np.float32(outside**2 - inside**2)
    return np.asarray((outer_sum - inner_sum) / area, np.float32)


def resting_discs(discs: Mapping[str, Places]) -> dict[str, int]:
    """How many discs of each pair stay at their pixel in pairs of other scenes, by name."""
    names = list(discs)
    counts = [len(places) for places in discs.values()]
    owner = np.repeat(np.arange(len(names)), counts)
    if not owner.size:
        return dict.fromkeys(names, 0)
    pair_places = [np.reshape(one, (-1, 2)) for one in discs.values()]
    places = np.concatenate(pair_places)
    disc, other = _meetings(places, owner)
    elsewhere = _of_other_scenes(owner, disc, other, len(names))
    pairs = 1 + np.bincount(disc[elsewhere], minlength=len(owner))
    by_chance = BY_CHANCE + CHANCE_SHARE * len(names)
    rests = pairs >= max(LEAST_PAIRS, by_chance)
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
    met = np.stack([both[:, 0], owner[both[:, 1]]], axis=1)
    disc, other = np.unique(met, axis=0).T
    return disc, other


def with_resting_discs(
    numbers: Mapping[str, Mapping[str, float]],
    discs: Mapping[str, Places],
) -> dict[str, dict[str, float]]:
    """The numbers of some pairs by name, with how many of their discs stay at their pixel."""
    with_discs = {name: discs[name] for name in numbers if name in discs}
    resting = resting_discs(with_discs)
    complete = {}
    for name, own in numbers.items():
        complete[name] = {**own}
        if name in resting:
            complete[name]["resting_discs"] = resting[name]
    return complete


def _of_other_scenes(
    owner: NDArray[np.intp],
    disc: NDArray[np.intp],
    other: NDArray[np.intp],
    count: int,
) -> NDArray[np.bool_]:
    """Which matches are between pairs that show different scenes."""
    disc_owner = owner[disc]
    met = np.bincount(disc_owner * count + other, minlength=count**2)
    met = met.reshape(count, count)
    own = np.maximum(np.bincount(owner, minlength=count), 1)
    alike = met >= SAME_SCENE * own[:, None]
    one_scene = alike | alike.T
    return np.asarray((disc_owner != other) & ~one_scene[disc_owner, other])
