"""Error of estimated defocus maps against the true maps of rendered pictures."""

import functools
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.operators.edges import canny, luma
from defocus.baselines.registry import baseline
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import read_array
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float

EDGE_SCALE_PX = 1.0

SYSTEMS = ("ebdb", "jnb", "tvl2-2016")
"""Systems that estimate a map and need no training."""


@dataclass(frozen=True)
class MapError:
    """Mean absolute error of a map, px of the circle of confusion's diameter."""

    everywhere: float  # error over all pixels
    edges: float | None  # error over the blurry picture's edges; None if it has none


def map_errors(pair: Pair) -> list[dict[str, Any]]:
    """The error of the map of each system, as a row with the names of system and pair."""
    rows = []
    for name in SYSTEMS:
        error = map_error(_network(name), pair)
        row = {
            "name": name,
            "pair": pair.id,
            **asdict(error),
        }
        rows.append(row)
    return rows


@functools.cache
def _network(name: str) -> nn.Module:
    return baseline(name).build().eval()


@torch.no_grad()
def map_error(network: nn.Module, pair: Pair) -> MapError:
    """Compare the ``defocus_map`` of a network's outputs with the true one.

    ValueError: the network outputs no map, or the pair has none."""
    outputs = getattr(network, "outputs", None)
    if outputs is None or pair.defocus_map is None:
        raise ValueError(f"{pair.id}: no map to compare")
    picture = as_float(read_image(pair.blurry, pair.white))
    true = np.abs(read_array(pair.defocus_map))
    channels_first = torch.from_numpy(picture).float().permute(2, 0, 1)
    given = outputs(channels_first[None])["defocus_map"][0, 0]
    estimate = given.double().cpu().numpy()
    error: NDArray[np.float64] = np.abs(estimate - true)
    edges = canny(luma(picture), EDGE_SCALE_PX)
    at_edges = float(error[edges].mean()) if edges.any() else None
    return MapError(float(error.mean()), at_edges)
