"""Small dark discs of a sharp member, and those that stay at their pixel over a session: dust."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Indices, Mask, Singles
from defocus.align.sampling.pyramid import box_means

Places = Sequence[tuple[float, float]]
"""Column and row of each disc, as shares of the picture's width."""

SIDES_PX = (3, 5, 8)
"""Sides of the squares that lie within a disc; a disc is at most twice as wide."""
LEAST_LIGHT = 0.003
"""Light, as a share of white, that is added before a logarithm is taken."""
LEAST_DIP = 0.06
"""Least difference between the ring around a disc and the disc, stops."""
GRAIN = 0.03
"""Standard deviation of the grain that a disc's contrast is compared with, stops."""
LEAST_CONTRAST = 1.0
"""Least ratio of the dip to the standard deviation of the light in the disc and around it."""
APART_PX = 7
"""Side of the square in which a disc must be the clearest one, px."""
MOST_DISCS = 80
"""Largest number of discs that are kept."""
BORDER_PX = 8
"""Width of the border in which no disc is looked for: a frame's dark edge is in all pictures."""
DECIMALS = 5

COMPARED_WIDTH = 800
"""Width of a picture in whose pixels discs of two pairs are compared."""
SAME_PX = 2.0
"""Largest distance between one disc in two pairs, in px of a picture of that width."""
LEAST_PAIRS = 4
"""Least number of pairs of different scenes that must show a disc at one pixel for it to be dust;
docs/alignment.md says what the limits cost."""
BY_CHANCE = 2
"""Number of such pairs that chance makes in a longer session."""
CHANCE_SHARE = 0.2
"""Number of further such pairs that chance makes for each pair of the session."""
SAME_SCENE = 0.5
"""Share of a pair's discs that another pair must have, too, for both to count as pictures of one
scene."""


def dark_discs(light: Singles) -> tuple[tuple[float, float], ...]:
    """The clearest dark discs of a picture ``(H, W)``, linear light, the clearest first."""
    width = light.shape[1]
    not_black = np.maximum(light, np.float32(0))
    floored = not_black + np.float32(LEAST_LIGHT)
    contrast = _contrast(np.log2(floored))
    rows, columns = np.nonzero(_peaks(contrast))
    heights = contrast[rows, columns]
    order = np.argsort(-heights, kind="stable")
    clearest = order[:MOST_DISCS]
    places = np.stack([columns, rows], axis=1)[clearest]
    shares = np.round(places / width, DECIMALS)
    return tuple((x, y) for x, y in shares.tolist())


def _peaks(contrast: Singles) -> Mask:
    """Where the contrast is the highest around, and away from the border."""
    neighbours = np.ones((APART_PX, APART_PX), np.uint8)
    around = np.asarray(cv2.dilate(contrast, neighbours))
    highest = contrast >= around
    highest &= contrast > LEAST_CONTRAST
    middle = slice(BORDER_PX, -BORDER_PX)
    shown = np.zeros(contrast.shape, bool)
    shown[middle, middle] = True
    return highest & shown


def _contrast(stops: Singles) -> Singles:
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
        with_grain = np.maximum(variance, 0) + np.float32(GRAIN**2)
        scatter = np.sqrt(with_grain)
        contrast = np.where(dip > LEAST_DIP, dip / scatter, 0)
        np.maximum(best, contrast, out=best)
    return best


def _ring(values: Singles, side: int) -> Singles:
    """Means between a square of twice the side, and one of four times the side."""
    inside = 2 * side + 1
    outside = 4 * side + 1
    outer_area = outside**2
    inner_area = inside**2
    outer_sum = outer_area * box_means(values, outside)
    inner_sum = inner_area * box_means(values, inside)
    area = np.float32(outer_area - inner_area)
    mean = (outer_sum - inner_sum) / area
    return np.asarray(mean, np.float32)


def resting_discs(discs: Mapping[str, Places]) -> dict[str, int]:
    """How many discs of each pair stay at their pixel in pairs of other scenes, by name."""
    names = list(discs)
    pairs = len(names)
    counts = [len(places) for places in discs.values()]
    owner = np.repeat(np.arange(pairs), counts)
    if not owner.size:
        return dict.fromkeys(names, 0)
    pair_places = [np.reshape(places, (-1, 2)) for places in discs.values()]
    places = np.concatenate(pair_places)
    disc, other = _meetings(places, owner)
    elsewhere = _of_other_scenes(owner, disc, other, pairs)
    showing = 1 + np.bincount(disc[elsewhere], minlength=len(owner))
    by_chance = BY_CHANCE + CHANCE_SHARE * pairs
    rests = showing >= max(LEAST_PAIRS, by_chance)
    numbers = np.bincount(owner[rests], minlength=pairs)
    return dict(zip(names, numbers.tolist(), strict=True))


def _meetings(
    places: Doubles,
    owner: Indices,
) -> tuple[Indices, Indices]:
    """Matches of a disc with another pair that has a disc at the same place, each once."""
    from scipy.spatial import KDTree  # slow to import

    reach = SAME_PX / COMPARED_WIDTH
    near = KDTree(places).query_pairs(reach, output_type="ndarray")
    reversed_pairs = near[:, ::-1]
    both = np.concatenate([near, reversed_pairs])
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
    owner: Indices,
    disc: Indices,
    other: Indices,
    count: int,
) -> Mask:
    """Which matches are between pairs that show different scenes."""
    disc_owner = owner[disc]
    combination = disc_owner * count + other
    met = np.bincount(combination, minlength=count**2)
    met = met.reshape(count, count)
    discs_of_pair = np.bincount(owner, minlength=count)
    own = np.maximum(discs_of_pair, 1)
    alike = met >= SAME_SCENE * own[:, None]
    one_scene = alike | alike.T
    elsewhere = disc_owner != other
    return np.asarray(elsewhere & ~one_scene[disc_owner, other])
