"""A hundred pictures that a network would rather spoil, made by rule: ten each of ten kinds."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import linear_to_srgb, srgb_to_linear
from defocus.scene.textures import FONTS, draw_texture

SIZE = (160, 192)
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Trap:
    """A picture of a kind and number, rounded to 8 bits, and what it ought to become.

    Both are ``(H, W, 3)`` float32 in [0, 1]; ``truth`` is ``given`` where that is right as it is.
    """

    name: str
    given: Array
    truth: Array


def traps(seed: int = 0) -> Iterator[Trap]:
    """A hundred pictures; other seeds give others."""
    for kind, (name, make) in enumerate(KINDS.items()):
        for number in range(10):
            given, truth = make(np.random.default_rng([seed, kind, number]))
            yield Trap(f"{name}-{number}", rounded(given), rounded(truth))


def rounded(picture: NDArray[np.floating]) -> Array:
    return np.asarray(np.rint(255 * np.clip(picture, 0, 1)) / 255, np.float32)


def _as_it_is(
    draw: Callable[[np.random.Generator], Array],
) -> Callable[..., tuple[Array, Array]]:
    def make(random: np.random.Generator) -> tuple[Array, Array]:
        picture = draw(random)
        return picture, picture

    return make


def _flat(random: np.random.Generator) -> Array:
    """Two colours side by side."""
    picture = np.empty((*SIZE, 3), np.float32)
    edge = int(random.integers(20, SIZE[1]))
    picture[:, :edge], picture[:, edge:] = random.random((2, 3))
    return picture


def _lights(random: np.random.Generator) -> Array:
    """Clipped lights before a dark ground."""
    picture = np.full((*SIZE, 3), 8, np.uint8)
    for _ in range(int(random.integers(3, 30))):
        x, y = int(random.integers(SIZE[1])), int(random.integers(SIZE[0]))
        colour = np.clip(random.uniform(100, 400, 3), 0, 255).tolist()
        cv2.circle(
            picture, (x, y), int(random.integers(1, 12)), colour, -1, cv2.LINE_AA
        )
    return np.asarray(picture / 255, np.float32)


def _noise(random: np.random.Generator) -> Array:
    shape = SIZE if random.random() < 0.3 else (*SIZE, 3)
    drawn = (
        random.random(shape)
        if random.random() < 0.5
        else random.normal(0.5, 0.2, shape)
    )
    return np.asarray(
        drawn if drawn.ndim == 3 else np.repeat(drawn[:, :, None], 3, 2), np.float32
    )


def _text(random: np.random.Generator) -> Array:
    paper, ink = random.integers(180, 256, 3), random.integers(0, 80, 3)
    picture = np.full((*SIZE, 3), paper, np.uint8)
    font, scale = FONTS[int(random.integers(len(FONTS)))], random.uniform(0.35, 1.2)
    for line in range(20, SIZE[0], int(34 * scale) + 6):
        words = "".join(chr(one) for one in random.integers(48, 122, 24))
        cv2.putText(
            picture, words, (4, line), font, scale, ink.tolist(), 1, cv2.LINE_AA
        )
    return np.asarray(picture / 255, np.float32)


def _stripes(random: np.random.Generator) -> Array:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    turn, period = (
        random.uniform(0, math.pi),
        math.exp(random.uniform(math.log(2.5), math.log(30))),
    )
    wave = np.sin(2 * math.pi * (x * math.cos(turn) + y * math.sin(turn)) / period)
    hard = np.sign(wave) if random.random() < 0.5 else wave
    first, second = random.random((2, 3))
    return np.asarray(
        first + (0.5 + 0.5 * hard)[:, :, None] * (second - first), np.float32
    )


def _dark(random: np.random.Generator) -> Array:
    """Nearly one dark colour, as walls at night."""
    colour = np.array((33, 25, 23)) + random.integers(-4, 5, 3)
    grain = random.integers(-1, 2, (*SIZE, 3)) if random.random() < 0.5 else 0
    return np.asarray(np.broadcast_to(colour + grain, (*SIZE, 3)) / 255, np.float32)


def _texture(random: np.random.Generator) -> Array:
    return linear_to_srgb(
        np.asarray(np.clip(draw_texture(random, *SIZE), 0, 1), np.float32)
    )


def _sharpened(random: np.random.Generator) -> Array:
    picture = _texture(random)
    soft = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.7, 2.0))
    return np.clip(picture + random.uniform(0.5, 1.5) * (picture - soft), 0, 1)


def _jpeg(random: np.random.Generator) -> tuple[Array, Array]:
    truth = _texture(random)
    stored = np.rint(255 * truth).astype(np.uint8)
    _, file = cv2.imencode(
        ".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(5, 30))]
    )
    picture = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.float32)
    return np.asarray(picture / 255, np.float32), truth


def _moved(random: np.random.Generator) -> tuple[Array, Array]:
    """Moved along a line of 5 to 25 px."""
    truth = _texture(random)
    length, turn = random.uniform(5, 25), random.uniform(0, math.pi)
    reach = 0.5 * length * np.array([math.cos(turn), math.sin(turn)])
    ends = [
        np.rint(16 * (15.5 + sign * reach)).astype(int).tolist() for sign in (-1, 1)
    ]
    fine = np.zeros((31 * 16, 31 * 16), np.uint8)
    cv2.line(fine, ends[0], ends[1], 255, 16)
    kernel = cv2.resize(fine.astype(np.float32), (31, 31), interpolation=cv2.INTER_AREA)
    light = cv2.filter2D(srgb_to_linear(truth), -1, kernel / kernel.sum())
    return linear_to_srgb(np.asarray(light, np.float32)), truth


KINDS: dict[str, Callable[[np.random.Generator], tuple[Array, Array]]] = {
    "flat": _as_it_is(_flat),
    "lights": _as_it_is(_lights),
    "noise": _as_it_is(_noise),
    "text": _as_it_is(_text),
    "stripes": _as_it_is(_stripes),
    "dark": _as_it_is(_dark),
    "sharp": _as_it_is(_texture),
    "sharpened": _as_it_is(_sharpened),
    "jpeg": _jpeg,
    "moved": _moved,
}
