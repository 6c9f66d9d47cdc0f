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
        The curve ``mtf``, whose ``frequencies`` and ``values`` are ``(1025,)`` float64, from 0 to
        1 cycles per pixel; ``mtf50`` and ``mtf10`` in cycles per pixel, None if beyond 1; rise and
        place of the edge in px, overshoot as a share of the step, and values of each colour; see
        :class:`~defocus.edges.edge.EdgeResponse`.

    Raises:
        ImageError: The picture is not valid, the region is not in it, or shows no edge.
        InputError: The region is not four integers.

    Examples:
        >>> import numpy as np
        >>> import defocus
        >>> column, row = np.meshgrid(np.arange(80), np.arange(60))
        >>> edge = defocus.measure_mtf(0.2 + 0.6 / (1 + np.exp(40 - column - 0.1 * row)))
        >>> edge.mtf.values.shape, round(edge.mtf50, 2), round(edge.rise_px)
        ((1025,), 0.12, 4)
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
