"""Methods compared by the alignment benchmark; each maps a pair to a flow.

A new method is one entry of :data:`METHODS`."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
import torch
from scipy.interpolate import RegularGridInterpolator

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.dense import dense_flow
from defocus.align.flow.estimator import FlowEstimator
from defocus.align.photometry.linear_light import LUMINANCE
from defocus.align.registration.register import Registration, register
from defocus.align.registration.tile_shifts import tile_shifts
from defocus.align.sampling.positions import pixel_grid, transformed
from defocus.errors import InputError
from defocus.pictures.values import srgb_to_linear
from defocus.progress import say
from research.light import Array, Mask, Matrix, homogeneous, single

ECC_ITERATIONS = 100
TILES = (9, 11)
TILE_BAND = 0.12


@dataclass(frozen=True)
class Answer:
    """Answer of a method for a pair."""

    # ``(2, H, W)`` float32 from blurry to sharp, px; None if it is unknown
    flow: Array | None
    reliable: Mask | None = None  # ``(H, W)``; None if the method does not say


@dataclass(frozen=True)
class Members:
    """A pair as input of the methods."""

    blurry: Array  # ``(H, W, 3)`` float32, sRGB-encoded, [0, 1]
    sharp: Array  # same shape

    @cached_property
    def linear(self) -> tuple[Array, Array]:
        """Both members in linear light."""
        return _linear(self.blurry), _linear(self.sharp)

    @cached_property
    def grey(self) -> tuple[Array, Array]:
        """Both members as encoded luma, ``(H, W)``."""
        return _grey(self.blurry), _grey(self.sharp)

    @cached_property
    def light(self) -> tuple[Array, Array]:
        """Both members as linear luminance, ``(H, W)``."""
        first, second = self.linear
        return _luminance(first), _luminance(second)

    @cached_property
    def registration(self) -> Registration:
        """The global registration."""
        return register(*self.light)


def _linear(picture: Array) -> Array:
    return single(srgb_to_linear(picture))


def _luminance(light: Array) -> Array:
    return np.ascontiguousarray(light @ LUMINANCE)


def _grey(picture: Array) -> Array:
    return single(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def _zero(pair: Members) -> Answer:
    size = pair.grey[0].shape
    return Answer(np.zeros((2, *size), np.float32))


def _ecc(pair: Members) -> Answer:
    """Affine ECC from the identity, on the unchanged members."""
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ECC_ITERATIONS, 1e-6)
    inside = np.full(pair.grey[0].shape, 255, np.uint8)
    start = np.eye(2, 3, dtype=np.float32)
    try:
        _, affine = cv2.findTransformECC(
            *pair.grey,
            start,
            cv2.MOTION_AFFINE,
            criteria,
            inside,
            5,
        )
    except cv2.error:  # how OpenCV says that the iteration diverged
        return Answer(None)
    return Answer(flow_of(homogeneous(affine), inside.shape))


def flow_of(matrix: Matrix, size: Sequence[int]) -> Array:
    """Flow ``(2, H, W)`` of a transform over a picture of a height and a width."""
    height, width = size
    grid = pixel_grid(height, width)
    return np.asarray(transformed(grid, matrix) - grid)


def _tiles(pair: Members) -> Answer:
    """Shifts of overlapping tiles, a median over neighbours, linear between the centres."""
    height, width = pair.grey[0].shape
    side = min(height, width) // 3
    tile_moves = tile_shifts(*pair.grey, (side, side), TILES, TILE_BAND)
    columns = np.unique(tile_moves.centres[:, 0])
    rows = np.unique(tile_moves.centres[:, 1])
    moves = tile_moves.shifts.reshape(len(rows), len(columns), 2)
    field = RegularGridInterpolator(
        (rows, columns),
        _smoothed(moves.astype(np.float32)),
        bounds_error=False,
        fill_value=None,
    )
    x, y = pixel_grid(height, width)
    # beyond the outer centres the outer shifts
    x = np.clip(x, columns[0], columns[-1])
    y = np.clip(y, rows[0], rows[-1])
    places = np.dstack([y, x])
    flow = field(places).transpose(2, 0, 1)
    return Answer(np.ascontiguousarray(flow, dtype=np.float32))


def _smoothed(shifts: Array) -> Array:
    """Medians over 3 x 3 tiles of both components."""
    components = []
    for axis in (0, 1):
        component = np.ascontiguousarray(shifts[:, :, axis])
        components.append(cv2.medianBlur(component, 3))
    return np.dstack(components)


def _registration(pair: Members) -> Answer:
    matrix = pair.registration.matrix
    if matrix is None:
        return Answer(None)
    return Answer(flow_of(matrix, pair.grey[0].shape))


def _plain(estimator: str) -> Callable[[Members], Answer]:
    """A flow estimator on the unchanged members."""

    def method(pair: Members) -> Answer:
        estimate = _estimator(estimator)
        flow = estimate(_frame(pair.blurry), _frame(pair.sharp))
        return Answer(flow[0].cpu().numpy())

    return method


def _dense(estimator: str, *, equalise: bool) -> Callable[[Members], Answer]:
    """The full pipeline: registration, then the residual flow and its reliable area."""

    def method(pair: Members) -> Answer:
        matrix = pair.registration.matrix
        if matrix is None:
            return Answer(None)
        flow = dense_flow(
            *pair.linear,
            matrix,
            _estimator(estimator),
            equalise=equalise,
        )
        return Answer(flow.flow, flow.reliable)

    return method


def _frame(picture: Array) -> torch.Tensor:
    channels_first = np.ascontiguousarray(picture.transpose(2, 0, 1))
    return torch.from_numpy(channels_first)[None]


@cache
def _estimator(name: str) -> FlowEstimator:
    return flow_estimator(name)


REFERENCE = "DIS"
"""The method that the others are compared with."""

METHODS: dict[str, Callable[[Members], Answer]] = {
    "zero flow": _zero,
    "ECC affine": _ecc,
    "tile phase correlation": _tiles,
    REFERENCE: _plain("dis"),
    "PWC-Net ours": _plain("pwcnet"),
    "registration": _registration,
    "registration + DIS": _dense("dis", equalise=False),
    "registration + DIS equalised": _dense("dis", equalise=True),
    "registration + PWC-Net ours": _dense("pwcnet", equalise=False),
    "registration + PWC-Net ours equalised": _dense("pwcnet", equalise=True),
}
"""The methods by the name that the table gives them."""

FROM_REGISTRATION = tuple(name for name in METHODS if name.startswith("registration"))


def available_methods() -> tuple[str, ...]:
    """Names of the methods that this installation can run; missing ones are reported."""
    try:
        _estimator("pwcnet")
    except InputError as missing:
        say(f"PWC-Net is skipped: {missing}")
        return tuple(name for name in METHODS if "PWC-Net" not in name)
    return tuple(METHODS)


def answers(pair: Members, names: Sequence[str]) -> Iterator[tuple[str, Answer, float]]:
    """The answers of methods to a pair, with the CPU seconds of each.

    The registration runs once; its seconds count for every method that builds on it."""
    start = time.process_time()
    if any(name in FROM_REGISTRATION for name in names):
        _ = pair.registration
    registering = time.process_time() - start
    for name in names:
        start = time.process_time()
        answer = METHODS[name](pair)
        seconds = time.process_time() - start
        if name in FROM_REGISTRATION:
            seconds += registering
        yield name, answer, seconds
