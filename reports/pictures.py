"""Pictures for people: reduced, and encoded small enough for a page or a mailed report."""

import io
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

Encoded: TypeAlias = tuple[bytes, int, int]
"""Encoded bytes, width and height in px."""

QUALITIES = (90, 80, 70, 60)
SHRINK = 0.8
TILE_QUALITY = 92
WEBP_METHOD = 2
"""Effort of the encoder, 0 to 6: half the time of the usual 4 for a twentieth more bytes."""

ARROWS_ACROSS = 16
LONGEST_SHARE = 0.8
"""Length of the longest arrow, as a share of the distance between two arrows."""

FACTORS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
Spot: TypeAlias = tuple[int, int]
"""Column and row of a pixel."""

INK = (255, 214, 10, 255)
HALO = (0, 0, 0, 200)
"""Colours of an arrow and of the outline around it, RGBA."""

T = TypeVar("T", np.uint8, np.uint16, np.float32, np.float64)


def small_picture(
    picture: NDArray[T],
    width: int,
    height: int | None = None,
) -> NDArray[T]:
    """A picture that fits into a size (px), by the mean of areas; a smaller one is not enlarged."""
    import cv2

    own_height, own_width = picture.shape[:2]
    scale = width / own_width
    scale = min(scale, 1.0 if height is None else height / own_height)
    if scale >= 1:
        return picture
    across = max(1, round(own_width * scale))
    down = max(1, round(own_height * scale))
    small = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=picture.dtype)


def eight_bits(picture: NDArray[np.unsignedinteger[Any]]) -> Pixels:
    """The upper eight bits of a uint8 or uint16 picture, for a screen."""
    if picture.dtype == np.uint16:
        return (picture >> 8).astype(np.uint8)
    return picture.astype(np.uint8, copy=False)


def encode_states(
    states: Sequence[Pixels],
    *,
    kind: Literal["webp", "jpeg"],
    max_width_px: int,
    budget_bytes: int,
) -> list[Encoded]:
    """Encode a comparison's states ``(H, W, 3)``, each within a budget, with the same settings."""
    # Readers compare them, and a state with more detail must not be coarser. The quality is reduced
    # first, then the size.
    height, width = states[0].shape[:2]
    scale = min(1.0, max_width_px / width)
    while True:
        across = max(1, round(width * scale))
        down = max(1, round(height * scale))
        size = (across, down)
        resized = [_resized(state, size) for state in states]
        for quality in QUALITIES:
            encoded = _within_budget(resized, kind, quality, budget_bytes)
            if encoded:
                return [(content, *size) for content in encoded]
        if size == (1, 1):
            raise ValueError(f"no picture of {kind} fits into {budget_bytes} bytes")
        scale *= SHRINK


def encode_tiles(tiles: Sequence[Pixels], *, kind: str = "webp") -> list[Encoded]:
    """Encode the small pictures of a gallery at their own size, almost without loss."""
    encoded = []
    for tile in tiles:
        buffer = io.BytesIO()
        picture = Image.fromarray(np.ascontiguousarray(tile))
        picture.save(buffer, format=kind, quality=TILE_QUALITY)
        encoded.append((buffer.getvalue(), picture.width, picture.height))
    return encoded


def laid_over(picture: Pixels, overlay: Pixels) -> Pixels:
    """A picture ``(H, W, 3)`` with an overlay ``(H, W, 4)`` laid over it."""
    colours = overlay[..., :3]
    opacity = overlay[..., 3:].astype(np.float32) / 255
    behind = picture * (1 - opacity)
    mixed = behind + colours * opacity
    return np.asarray(mixed.round(), dtype=np.uint8)


def _resized(state: Pixels, size: tuple[int, int]) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(state))
    if picture.size == size:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS)


def _within_budget(
    pictures: Sequence[Image.Image],
    kind: str,
    quality: int,
    budget_bytes: int,
) -> list[bytes]:
    """Encode all pictures; None if one of them is too large."""
    encoded = []
    for picture in pictures:
        buffer = io.BytesIO()
        picture.save(
            buffer,
            format=kind,
            quality=quality,
            subsampling=0,
            method=WEBP_METHOD,
        )
        if buffer.tell() > budget_bytes:
            return []
        encoded.append(buffer.getvalue())
    return encoded


def displacement_arrows(field: NDArray[np.floating]) -> tuple[int, Pixels]:
    """Draw a field as RGBA arrows, and the round factor that lengthens them to be seen."""
    # The field is ``(2, H, W)``, px, x to the right and y down; arrows are left out where it is not
    # finite.
    _, height, width = field.shape
    step = max(8, width // ARROWS_ACROSS)
    rows = np.arange(step // 2, height, step)
    columns = np.arange(step // 2, width, step)
    sampled = field[:, rows[:, None], columns[None, :]]
    lengths = np.hypot(*sampled)
    factor = _lengthening(lengths, step)
    arrows = []
    for j, i in np.argwhere(np.isfinite(lengths)):
        row, column = rows[j], columns[i]
        right, down = factor * sampled[:, j, i]
        start = (int(column), int(row))
        tip_column = round(float(column + right))
        tip_row = round(float(row + down))
        arrows.append((start, (tip_column, tip_row)))
    return factor, _drawn(arrows, height, width)


def _lengthening(lengths: NDArray[np.floating], step: int) -> int:
    """The largest factor by which no arrow reaches the next one's place."""
    longest = float(np.nanmax(lengths, initial=0.0))
    wanted = 1.0
    if longest > 0:
        wanted = LONGEST_SHARE * step / longest
    return max((factor for factor in FACTORS if factor <= wanted), default=1)


def _drawn(arrows: Sequence[tuple[Spot, Spot]], height: int, width: int) -> Pixels:
    """Arrows from start to tip, each with a halo below all of them."""
    import cv2

    drawn = np.zeros((height, width, 4), np.uint8)
    for colour, thickness in ((HALO, 3), (INK, 1)):
        for start, tip in arrows:
            style = (colour, thickness, cv2.LINE_8)
            cv2.arrowedLine(drawn, start, tip, *style, tipLength=0.3)
    return drawn
