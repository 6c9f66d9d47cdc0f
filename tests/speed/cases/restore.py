"""A picture of 12 megapixels restored by ``defocus-m``, map of blur and guard included.

The peer is the network in tiles of 256 px, alone: what a small memory would take."""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.baselines.registry import baseline
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import Restorer, make_restorer
from defocus.scene.textures import draw_texture
from tests.speed.case import Case, Work

HEIGHT, WIDTH = 3000, 4000
PART, SMALL = 1000, 384
SMALL_TILE_PX = 256


def large_picture(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float32]:
    """A texture, repeated: ``(height, width, 3)`` float32 in [0, 1]."""
    part = draw_texture(np.random.default_rng(0), PART, PART)
    repeats = (-(-height // PART), -(-width // PART), 1)
    return np.ascontiguousarray(np.clip(np.tile(part, repeats)[:height, :width], 0, 1))


def _restored() -> Work:
    """All that ``defocus-restore`` does between reading and writing."""
    return partial(restore_colours, _restorer(None), large_picture())


def _small_tiles() -> Work:
    return partial(_restorer(SMALL_TILE_PX).restored, large_picture())


def _difference() -> float:
    """Of large and small tiles in a part of the picture."""
    picture = large_picture(SMALL, SMALL)
    large, small = (
        _restorer(tile).restored(picture)[0] for tile in (None, SMALL_TILE_PX)
    )
    return float(np.abs(large - small).max())


def _restorer(tile_px: int | None) -> Restorer:
    torch.manual_seed(0)
    network = baseline("defocus-m").build().eval()
    torch.nn.init.normal_(network.get_parameter("ending.weight"), std=0.01)
    return make_restorer(network, tile_px, torch.device("cpu"))


CASES = (Case("restore", _restored, _small_tiles, _difference, 1e-2, 1.2),)
