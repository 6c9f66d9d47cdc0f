"""Measure an edge of a picture in memory."""

from numbers import Integral

import numpy as np

from defocus.edges.edge import EdgeResponse, measure_edge
from defocus.edges.linear_light import Region
from defocus.errors import InputError
from defocus.front.pictures import Picture, one_picture
from defocus.pictures.values import srgb_to_linear


def measure_mtf(
    picture: Picture,
    region: tuple[int, int, int, int] | None = None,
) -> EdgeResponse:
    """Measure the sharpness of a slanted edge as a modulation transfer function (MTF).

    The edge is straight and 3 to 12 degrees off the rows or columns; the region holds the edge,
    its blur, and plain areas on both sides. Source: the slanted-edge method of ISO 12233.

    Args:
        picture: A picture, see :func:`defocus.restore`.
        region: Left, top, width and height, px; None for the whole picture.

    Returns:
        The MTF with ``mtf50`` and ``mtf10`` in cycles per pixel, rise, overshoot, place of the
        edge, and values of each colour.

    Raises:
        ImageError: The picture is not valid, the region is not in it, or shows no edge.
        InputError: The region is not four integers.
    """
    given = one_picture(picture, "picture").floats(np.float64)[0]
    part = given if region is None else _region(region).of(given)
    return measure_edge(np.asarray(srgb_to_linear(part), np.float64))


def _region(given: object) -> Region:
    values = tuple(given) if isinstance(given, list | tuple | np.ndarray) else ()
    if len(values) != 4 or not all(isinstance(value, Integral) for value in values):
        raise InputError(
            f"region is {given!r}; give left, top, width and height in whole px"
        )
    return Region(*map(int, values))
