"""Small tiles place what is sharp where every large one shows two depths."""

import numpy as np
import pytest

from defocus.align.photometry.equalise import disc_blurred
from defocus.align.registration.models import corner_distance_px
from defocus.align.registration.register import register
from defocus.align.registration.tile_fit import small_tiles
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
def test_bars_before_leaves_that_move(near: str, far: str, coc_px: float) -> None:
    bars, leaves = grey(near, WIDTH), grey(far, WIDTH + MOVED_PX)
    in_front = np.arange(WIDTH) % EVERY_PX < BARS_PX
    blurry = np.where(in_front, bars, disc_blurred(leaves, coc_px)[:, :-MOVED_PX])
    sharp = np.where(in_front, bars, leaves[:, MOVED_PX:])
    found = register(blurry, sharp)
    assert found.matrix is not None, found.reason
    assert corner_distance_px(found.matrix, np.eye(3), sharp.shape) < 0.1


def test_a_picture_that_is_too_small_has_none() -> None:
    picture = grey("gravel", WIDTH)

    def blurred(diameters: np.ndarray) -> list[np.ndarray]:
        return [picture for _ in diameters]

    assert small_tiles(picture, tiled(picture, (90, 90), (9, 11), 0.12), blurred, 9.0) is None
    found = small_tiles(picture, tiled(picture, (100, 100), (9, 11), 0.12), blurred, 9.0)
    assert found is not None
    assert len(found.coc_px) == 4 * 9 * 11
    assert found.tile == (50, 50)
