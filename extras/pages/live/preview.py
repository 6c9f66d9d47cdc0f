"""Live view of the page: focus peaking, histogram and magnifier."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.edges.edge import DISC_RISE, EdgeResponse, measure_edge
from defocus.edges.edge_line import EdgeLeavesError, fit_edge_line, upright
from defocus.edges.linear_light import Region, grey_of, is_clipped
from defocus.errors import CameraError, ImageError, InputError
from defocus.extras.pages.live.focus import detail_per_pixel, in_focus
from defocus.extras.pages.live.lone_edge import SeveralEdgesError, require_one_edge
from defocus.pictures.values import Image, as_float, srgb_to_linear
from defocus.pictures.write import address_of, encoded_jpeg, encoded_lossless
from defocus.reports.pictures import small_picture

WIDTH_PX = 960
"""Largest width of a live picture, px: the page is no wider, and a frame must not take long."""

DETAIL_PX = (192, 128)
"""Width and height of the part that is magnified, px."""

EDGE_PX = 48
"""Side of the square in the middle of that part whose edge is measured, px: a larger one would hold
two edges."""

BINS = 64

CLIPPED, BLACK = 0.98, 0.002
"""Linear value from which a channel counts as clipped, and up to which it counts as black."""
DARK = 0.01
"""Linear light of the brightest parts up to which an edge is lost in noise."""
LEAST_PX = 24
"""Side of the smallest square that is measured."""

NO_EDGE = "no clean slanted edge here"
SEVERAL_EDGES = "more than one edge in the square"
TOO_DARK = "too dark here; expose more"
TOO_SMALL = "the live picture is too small"
CLIPPED_EDGE = "clipped here; expose less"
SHARPER = "sharper than 1 cycle/px here"
AT_RIM = "the edge is at the square's rim; click on it"
TOO_BLURRED = "the blur is wider than the square"
RIM_PX, FROM_MIDDLE_PX = 2.0, 4.0
"""Room that an edge needs besides its blur, px, and largest distance of the edge from the middle,
px."""


PEAKING_RGBA = (57, 255, 20, 255)


@dataclass(frozen=True)
class LiveView:
    """A live picture, its measurements and its focus peaking (transparent beside edges)."""

    jpeg: bytes  # the picture, at most 960 px wide
    peaking: bytes
    # share of the edges that are in focus; None if there is no edge
    in_focus_share: float | None
    detail: float | None
    histogram: tuple[tuple[float, ...], ...]  # shares of 64 equal bins, by channel
    clipped_share: tuple[float, ...]
    black_share: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """The document for the page, with pictures as data addresses."""
        return {
            "picture": address_of(self.jpeg, "image/jpeg"),
            "peaking": address_of(self.peaking),
            **self.numbers(),
        }

    def numbers(self) -> dict[str, Any]:
        """The measurements, without the pictures."""
        return {
            "in_focus_share": self.in_focus_share,
            "detail": self.detail,
            "histogram": list(map(_rounded, self.histogram)),
            "clipped_share": list(self.clipped_share),
            "black_share": list(self.black_share),
        }

    def line(self) -> str:
        """The measurements as a line of text."""
        focus = (
            "no edges" if self.in_focus_share is None else f"{self.in_focus_share:.1%}"
        )
        detail = "unknown" if self.detail is None else f"{self.detail:.2f}"
        clipped = " ".join(f"{share:.1%}" for share in self.clipped_share)
        black = " ".join(f"{share:.1%}" for share in self.black_share)
        return f"detail {detail}; edges in focus {focus}; clipped R G B {clipped}; black {black}"


@dataclass(frozen=True)
class Magnified:
    """A place of a live picture; ``mtf50`` in cycles per px of its slanted edge, or ``reason``."""

    jpeg: bytes  # it, at the camera's own pixels
    mtf50: float | None  # of its slanted edge, cycles per px; None without one
    reason: str  # why; empty if it was measured
    detail: float | None
    square: tuple[float, float, float, float]  # left, top, width, height as shares

    def to_json(self) -> dict[str, Any]:
        """The document for the page, with the picture as a data address."""
        return {
            "picture": address_of(self.jpeg, "image/jpeg"),
            "mtf50": self.mtf50,
            "reason": self.reason,
            "detail": self.detail,
            "square": self.square,
        }


def _rounded(shares: Iterable[float]) -> list[float]:
    return [round(share, 5) for share in shares]


def look_at(jpeg: bytes) -> LiveView:
    """Measure a live picture, the camera's JPEG."""
    decoded = _decoded(jpeg)
    if decoded.shape[1] > WIDTH_PX:
        decoded = small_picture(np.asarray(decoded, np.uint8), WIDTH_PX)
        jpeg = encoded_jpeg(decoded[:, :, ::-1])
    picture: Image = np.ascontiguousarray(decoded[:, :, ::-1])
    edges, focused = in_focus(picture)
    overlay = np.zeros((*focused.shape, 4), np.uint8)
    overlay[focused] = PEAKING_RGBA
    linear = srgb_to_linear(as_float(picture))
    return LiveView(
        jpeg,
        encoded_lossless(overlay),
        float(focused.sum() / edges.sum()) if edges.any() else None,
        detail_per_pixel(linear),
        linear_histogram(linear),
        tuple((linear >= CLIPPED).mean(axis=(0, 1)).tolist()),
        tuple((linear <= BLACK).mean(axis=(0, 1)).tolist()),
    )


def magnify(jpeg: bytes, x: float, y: float) -> Magnified:
    """Cut a place out of a live picture; x and y are shares of its width and height."""
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(
            f"({x:g}, {y:g}) is outside the live picture; x and y are from 0 to 1"
        )
    picture = _decoded(jpeg)
    height, width = picture.shape[:2]
    shown = _around((x * width, y * height), DETAIL_PX, (width, height))
    middle = shown.left + shown.width / 2, shown.top + shown.height / 2
    square = _around(middle, (EDGE_PX, EDGE_PX), (width, height))
    detail = shown.of(picture)[:, :, ::-1]
    encoded = encoded_jpeg(detail)
    shares = _shares(square, width, height)
    mtf50, reason = _edge_mtf50(square.of(picture))
    seen = srgb_to_linear(as_float(np.ascontiguousarray(detail)))
    return Magnified(
        encoded,
        mtf50,
        reason,
        detail_per_pixel(seen),
        shares,
    )


def _decoded(jpeg: bytes) -> NDArray[Any]:
    """Pixels, blue first, turned as a browser shows them; the room's reader does not turn."""
    decoded = (
        cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    )
    if decoded is None:
        raise CameraError(f"the live picture ({len(jpeg)} bytes) cannot be decoded")
    return decoded


def _shares(
    region: Region,
    width: int,
    height: int,
) -> tuple[float, float, float, float]:
    """Left, top, width and height of a part, as shares of its picture's."""
    return (
        region.left / width,
        region.top / height,
        region.width / width,
        region.height / height,
    )


def _around(
    spot: tuple[float, float],
    sides: tuple[int, int],
    whole: tuple[int, int],
) -> Region:
    """The surroundings of a place, moved inwards at the borders of a picture; x before y."""
    starts, lengths = [], []
    for place, side, size in zip(spot, sides, whole, strict=True):
        length = min(side, size)
        start = max(0, round(place) - length // 2)
        starts.append(min(start, size - length))
        lengths.append(length)
    return Region(*starts, *lengths)


def _edge_mtf50(square: NDArray[Any]) -> tuple[float | None, str]:
    """MTF50 of a slanted edge in a square, blue first, or None and why."""
    colours = as_float(square[:, :, ::-1], np.float64)
    light = np.asarray(srgb_to_linear(colours), np.float64)
    if min(light.shape[:2]) < LEAST_PX:
        return None, TOO_SMALL
    if is_clipped(light):
        return None, CLIPPED_EDGE
    if np.quantile(light, 0.95) < DARK:
        return None, TOO_DARK
    try:
        require_one_edge(light)
        edge = measure_edge(light)
    except SeveralEdgesError:
        return None, SEVERAL_EDGES
    except EdgeLeavesError:
        line = fit_edge_line(grey_of(upright(light)[0]))
        return None, _why_it_leaves(line.coefficients[0], light)
    except ImageError:
        return None, NO_EDGE
    if _room_px(edge, light) < edge.rise_px / DISC_RISE / 2 + RIM_PX:
        return None, _why_it_leaves(edge.place_px, light)
    return edge.mtf50, "" if edge.mtf50 else SHARPER


def _room_px(edge: EdgeResponse, light: NDArray[np.float64]) -> float:
    """Distance of an edge from the sides of its square, where it comes nearest."""
    half = min(light.shape[:2]) / 2
    turned = math.tan(math.radians(abs(edge.angle_deg))) * half
    return float(half - _from_middle(edge.place_px, light) - turned)


def _from_middle(place_px: float, light: NDArray[np.float64]) -> float:
    """How far an edge runs from the middle of a square, px."""
    return float(abs(place_px - (min(light.shape[:2]) - 1) / 2))


def _why_it_leaves(place_px: float, light: NDArray[np.float64]) -> str:
    """Why an edge with its blur is not whole in a square: by its place, or by the blur alone."""
    return AT_RIM if _from_middle(place_px, light) > FROM_MIDDLE_PX else TOO_BLURRED


def linear_histogram(
    linear: NDArray[np.floating[Any]],
) -> tuple[tuple[float, ...], ...]:
    """Share of the pixels in each of 64 equal bins of [0, 1], by channel of linear light."""
    bins = np.minimum((linear * BINS).astype(np.intp), BINS - 1)
    size = linear.shape[0] * linear.shape[1]
    histograms = []
    for channel in range(3):
        counts = np.bincount(bins[:, :, channel].ravel(), minlength=BINS)
        histograms.append(tuple((counts / size).tolist()))
    return tuple(histograms)
