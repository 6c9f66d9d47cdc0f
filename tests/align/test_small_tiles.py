"""Small tiles place what every large one shows at two depths; a search of two models ends."""

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from defocus.align.photometry.equalise import disc_blurred
from defocus.align.registration.models import MODELS, Area, corner_distance_px
from defocus.align.registration.register import register
from defocus.align.registration.tile_fit import NoFit, TileFit, fit_tiles, small_tiles
from defocus.align.registration.tile_shifts import tiled
from defocus.scene.pictures import texture

HEIGHT, WIDTH = 480, 640
BARS_PX, EVERY_PX = 60, 150
MOVED_PX = 2


def grey(name: str, width: int) -> np.ndarray:
    return texture(name, width, HEIGHT).mean(axis=2).astype(np.float32)


@pytest.mark.parametrize(
    ("near", "far", "coc_px"),
    [
        pytest.param("gravel", "brick", 20.0, id="off by 0.8 px without them"),
        pytest.param("brick", "grass", 14.0, id="off by 0.3 px without them"),
    ],
)
def test_bars_before_leaves_that_move(near, far, coc_px):
    bars, leaves = grey(near, WIDTH), grey(far, WIDTH + MOVED_PX)
    in_front = np.arange(WIDTH) % EVERY_PX < BARS_PX
    blurry = np.where(in_front, bars, disc_blurred(leaves, coc_px)[:, :-MOVED_PX])
    sharp = np.where(in_front, bars, leaves[:, MOVED_PX:])
    registration = register(blurry, sharp)
    assert registration.matrix is not None, registration.reason
    assert corner_distance_px(registration.matrix, np.eye(3), sharp.shape) < 0.1


def test_a_picture_that_is_too_small_has_none():
    picture = grey("gravel", WIDTH)
    other = picture, Area.shown(np.eye(3), picture.shape), 9.0
    assert small_tiles(picture, tiled(picture, (90, 90), (9, 11), 0.12), *other) is None
    small = small_tiles(picture, tiled(picture, (100, 100), (9, 11), 0.12), *other)
    assert len(small.coc_px) == 4 * 9 * 11
    assert small.tile == (50, 50)


def test_two_models_that_take_turns_end_with_the_simpler_one(monkeypatch):
    """Each round prefers the other one, 0.6 px away; a search without an end has that as error."""
    order, rounds, plain = list(MODELS), count(), fit_tiles

    def in_turns(*given: Any, held: str, **named: Any) -> TileFit | NoFit:
        wanted = "affine" if next(rounds) % 2 else "similarity"
        model = min(wanted, held, key=order.index)
        fit = plain(*given[:6], **{**named, "at_most": "similarity"})
        matrix = fit.fit.matrix.copy()
        matrix[0, 2] += 0.6 * (model == "affine")
        return replace(fit, fit=replace(fit.fit, model=model, matrix=matrix))

    monkeypatch.setattr("defocus.align.registration.register.fit_tiles", in_turns)
    wide = texture("gravel", 323, 242).mean(axis=2).astype(np.float32)
    registration = register(wide[2:, 3:], wide[:-2, :-3])
    assert registration.matrix is not None
    assert registration.model == "similarity"
    moved = np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 2.0], [0.0, 0.0, 1.0]])
    assert corner_distance_px(registration.matrix, moved, (240, 320)) < 0.1
    # half of what lies between the two
    assert 0.3 <= registration.corner_error_px < 0.5
