"""The compositor: surfaces of linear light blurred and put one before the other, far to near.

Colour is multiplied by opacity first: a blurred foreground is partly transparent at its edges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from defocus.scene.window import Window, shown

Array = NDArray[Any]
"""Array of float32 or float64; a picture has the precision of its surfaces."""

DIRECT_UNTIL = 11
"""Side of a kernel, px, up to which a sum over pixels is faster than Fourier transforms."""
TILED_FROM = 600**2
"""Pixels of a plane from which on OpenCV's transforms are faster in tiles."""

NO_LIGHT = 1e-6


@dataclass(frozen=True)
class LightShare:
    """The share of a surface's light that one kernel spreads."""

    # ``(C, K, K)``, K odd, rotated by half a turn, for correlation. C is 1, or 3 for the colours
    # and their opacity, or 4 for the colours and one opacity.
    kernel: Array
    # ``(h, w)``; the weights of all shares add up to 1. None: all of it.
    weight: Array | None = None
    window: Window | None = None  # where the weight is, None for the whole surface


@dataclass(frozen=True)
class SurfacePixels:
    """A surface as pixels."""

    colour: Array  # ``(h, w, 3)`` linear light, not multiplied by the opacity
    alpha: Array | None  # ``(h, w)`` opacity in [0, 1]; None: opaque
    window: Window  # its place on the canvas
    shares: Sequence[LightShare] = ()  # how its light is spread; none: in focus
    # whether the sum of the shares is divided by that for a white surface, so that kernels that
    # vary make nothing brighter or transparent
    even: bool = True
    # whether each pixel blends pictures blurred by all kernels, instead of light going from each
    # point by the kernel of that point: for surfaces without edges, and fast
    blended: bool = False

    @property
    def reach_px(self) -> int:
        """How far its light is spread."""
        sides = [share.kernel.shape[-1] for share in self.shares]
        return max(sides, default=0) // 2

    @property
    def kernels(self) -> int:
        """Number of kernels of a share: 1 for all colours, else one for each."""
        return self.shares[0].kernel.shape[0] if self.shares else 1


def composited(
    sheets: Iterable[SurfacePixels],
    canvas: Window,
    frame: Window | None = None,
) -> Array:
    """The picture of surfaces, far to near, as ``(3, H, W)`` linear light; see :func:`merged`."""
    # The first is opaque and covers the frame, the part that is wanted (None: all of the canvas).
    frame = canvas if frame is None else frame
    picture: Array = np.zeros(0)
    for sheet in sheets:
        if not picture.size:
            picture = np.zeros((3, *frame.shape), sheet.colour.dtype)
        window, light, opacity = _spread(sheet, canvas, frame)
        if window.empty:
            continue
        part = picture[(slice(None), *window.slices(frame))]
        if opacity is not None:
            part *= 1 - np.clip(opacity, 0, 1)
            part += light
        else:
            part[:] = light
    return picture


def merged(planes: Array) -> Array:
    """``(H, W, 3)`` of three planes."""
    return np.asarray(cv2.merge(list(planes)))


def foremost(
    values: Array,
    nearer: Iterable[tuple[Array, Array | float, Window]],
    frame: Window,
) -> None:
    """Put the value of the foremost surface of each pixel into those of the farthest.

    ``nearer`` (opacity, value, window) goes from far to near; half a pixel covered counts."""
    for alpha, value, window in nearer:
        seen = window.within(frame)
        if seen.empty:
            continue
        inner = seen.slices(window)
        own = value if isinstance(value, float | int) else value[inner]
        covered = alpha[inner] >= 0.5
        np.copyto(values[seen.slices(frame)], own, where=covered)


def for_correlation(kernels: Array) -> Array:
    """Kernels ``(K, K)`` or ``(C, K, K)`` rotated by half a turn, ``(C, K, K)``."""
    turned = kernels[..., ::-1, ::-1]
    if turned.ndim == 2:
        turned = turned[None]
    return np.ascontiguousarray(turned)


def _spread(
    sheet: SurfacePixels,
    canvas: Window,
    frame: Window,
) -> tuple[Window, Array, Array | None]:
    """Window of a surface, its light and its opacity there; None if it hides all behind it."""
    lit = sheet.window if sheet.alpha is None else shown(sheet.alpha, sheet.window)
    reached = lit if lit.empty else lit.grown(sheet.reach_px)
    window = reached.within(canvas).within(frame)
    if window.empty:
        return window, sheet.colour, None
    needed = lit if sheet.shares else window
    inner = needed.slices(sheet.window)
    alpha = None if sheet.alpha is None else sheet.alpha[inner]
    opacities = 3 if sheet.kernels == 3 else 1
    planes = _premultiplied(sheet.colour[inner], alpha, opacities)
    if sheet.shares:
        planes = _blurred(sheet, planes, lit, window, canvas)
    if alpha is None:
        return window, planes[:3], None
    return window, planes[:3], planes[3:]


def _blurred(
    sheet: SurfacePixels,
    planes: Array,
    lit: Window,
    window: Window,
    canvas: Window,
) -> Array:
    """The planes of the lit part of a surface as its shares spread them over a window."""
    even = sheet.even and not sheet.blended and len(sheet.shares) > 1
    total = np.zeros((len(planes), *window.shape), planes.dtype)
    white = np.zeros((sheet.kernels if even else 0, *window.shape), planes.dtype)
    for share in sheet.shares:
        half = share.kernel.shape[-1] // 2
        own = sheet.window if share.window is None else share.window
        reached = own if sheet.blended else own.grown(half)
        out = reached.within(window)
        if out.empty:
            continue
        part = (slice(None), *out.slices(window))
        source = out.grown(half)
        light = _around(planes, lit, source, canvas)
        if share.weight is None:
            total[part] += correlated(light, share.kernel)
        elif sheet.blended:
            weight = share.weight[out.slices(own)]
            total[part] += correlated(light, share.kernel) * weight
        else:
            weight = _around(share.weight[None], own, source, canvas)
            total[part] += correlated(light * weight, share.kernel)
            if even:
                weights = np.repeat(weight, sheet.kernels, axis=0)
                white[part] += correlated(weights, share.kernel)
    if even:
        by_colour = total.reshape(-1, *white.shape)
        by_colour /= np.maximum(white, NO_LIGHT)
    return total


def _premultiplied(
    colour: Array,
    alpha: Array | None,
    opacities: int,
) -> Array:
    """``(3, h, w)`` colours times opacity, followed by ``opacities`` copies of the opacity."""
    count = 3 if alpha is None else 3 + opacities
    planes = np.empty((count, *colour.shape[:2]), colour.dtype)
    for number in range(3):
        cv2.extractChannel(colour, number, planes[number])
    if alpha is not None:
        planes[:3] *= alpha
        planes[3:] = alpha
    return planes


def _around(
    planes: Array,
    own: Window,
    wanted: Window,
    canvas: Window,
) -> Array:
    """Planes of ``own`` for another window: 0 outside ``own``, mirrored outside the canvas."""
    inside = wanted.within(canvas)
    covered = inside.within(own)
    here = (slice(None), *covered.slices(own))
    if covered == inside:
        values = planes[here]
    else:
        values = np.zeros((len(planes), *inside.shape), planes.dtype)
        if not covered.empty:
            there = (slice(None), *covered.slices(inside))
            values[there] = planes[here]
    if inside != wanted:
        rows = inside.top - wanted.top, wanted.bottom - inside.bottom
        columns = inside.left - wanted.left, wanted.right - inside.right
        values = np.pad(values, ((0, 0), rows, columns), mode="reflect")
    return values


def correlated(planes: Array, kernel: Array) -> Array:
    """Correlate planes ``(P, H, W)`` with kernels ``(C, K, K)`` where these are inside.

    P is a multiple of C; the result is ``(P, H - K + 1, W - K + 1)``."""
    size = kernel.shape[-1]
    if size == 1:
        return planes
    count, height, width = planes.shape
    rows = height - size + 1
    columns = width - size + 1
    if size > DIRECT_UNTIL and height * width < TILED_FROM:
        return _by_transforms(planes, kernel)[:, :rows, :columns]
    half = size // 2
    filtered = np.empty((count, rows, columns), planes.dtype)
    for number, plane in enumerate(planes):
        own = kernel[number % len(kernel)]
        whole = cv2.filter2D(
            plane,
            -1,
            own,
            borderType=cv2.BORDER_CONSTANT,
        )
        filtered[number] = whole[half : half + rows, half : half + columns]
    return filtered


def _by_transforms(planes: Array, kernel: Array) -> Array:
    """The correlation by Fourier transforms, with more than these pixels at the ends."""
    shape = [scipy.fft.next_fast_len(side, real=True) for side in planes.shape[1:]]
    response = scipy.fft.rfft2(kernel, shape).conj()
    spectrum = scipy.fft.rfft2(planes, shape)
    by_colour = spectrum.reshape(-1, *response.shape)
    product = (by_colour * response).reshape(spectrum.shape)
    correlation = scipy.fft.irfft2(product, shape)
    return np.asarray(correlation, planes.dtype)
