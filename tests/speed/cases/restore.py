"""A picture of 12 megapixels restored by ``defocus-m``, map of blur and guard included.

``python -m tests.speed restore``. The peer is the network in tiles of 256 px, alone:
what a small memory would take. The difference is that of both ways in a part of the picture.
"""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.baselines.registry import baseline
from defocus.benchmark.restore.restoration import restore_colours
from defocus.benchmark.restore.restorer import Restorer, make_restorer
from defocus.datasets.stream.textures import draw_texture
from tests.speed.case import Case, CaseOutcome
from tests.speed.measuring import Way, Work, cpu_seconds

__all__ = ["CASES", "HEIGHT", "WIDTH", "difference", "large_picture", "restored", "small_tiles"]

HEIGHT, WIDTH = 3000, 4000
PART = 1000
SMALL_TILE_PX = 256


def large_picture(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float32]:
    """A texture, repeated: ``(height, width, 3)`` float32 in [0, 1]."""
    part = draw_texture(np.random.default_rng(0), PART, PART)
    repeats = (-(-height // PART), -(-width // PART), 1)
    return np.ascontiguousarray(np.clip(np.tile(part, repeats)[:height, :width], 0, 1))


def restored() -> Work:
    """All that ``defocus-bench restore`` does between reading and writing."""
    return partial(restore_colours, _restorer(None), large_picture())


def small_tiles() -> Work:
    """The network alone."""
    tensor = torch.from_numpy(large_picture()).permute(2, 0, 1)[None]
    return partial(_restorer(SMALL_TILE_PX).restored, tensor)


def difference(side: int) -> float:
    """Largest difference between both ways in a part of the picture."""
    tensor = torch.from_numpy(large_picture(side, side)).permute(2, 0, 1)[None].contiguous()
    large, small = (_restorer(tile).restored(tensor)[0] for tile in (None, SMALL_TILE_PX))
    return float((large - small).abs().max())


def _restorer(tile_px: int | None) -> Restorer:
    torch.manual_seed(0)
    network = baseline("defocus-m").build().eval()
    torch.nn.init.normal_(network.get_parameter("ending.weight"), std=0.01)
    return make_restorer(network, tile_px, torch.device("cpu"))


def _measure() -> CaseOutcome:
    ours = cpu_seconds(Way("restore", restored), repeats=1)
    peer = cpu_seconds(Way("small tiles", small_tiles), repeats=1)
    return CaseOutcome(ours, peer, difference(512))


CASES = (Case("restore", 1.2, 1e-2, _measure),)
