"""NIQE: how far a picture's statistics are from those of natural pictures; without reference."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metric import niqe_statistics as statistics
from defocus.benchmark.metric.metric import Mask, Metric, MetricUnavailableError, Picture
from defocus.benchmark.metrics.ssim import LUMA
from defocus.benchmark.scoring.profiles import Profile

__all__ = ["METRIC"]

_BLOCK_PX = 96
_NATURAL = Path(statistics.__file__).with_name("niqe.safetensors")


def _niqe(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes these
    """NIQE of the blocks of 96 px that lie wholly under the mask; lower is better."""
    # Source: Mittal, Soundararajan and Bovik 2013, with the parameters of the authors' release.
    luma = np.rint(np.clip(restored, 0.0, 1.0) @ LUMA * 255.0)
    rows, columns = (side // _BLOCK_PX for side in luma.shape)
    whole = _blocks(mask, rows, columns, _BLOCK_PX).all(axis=(1, 2))
    if whole.sum() < 2:
        raise MetricUnavailableError(
            f"NIQE needs two blocks of {_BLOCK_PX} px at least that are not masked"
        )
    luma = luma[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    scales = (luma, statistics.halved(luma))
    found = np.concatenate(
        [
            statistics.block_statistics(
                _blocks(statistics.normalised(picture), rows, columns, side)[whole]
            )
            for picture, side in zip(scales, (_BLOCK_PX, _BLOCK_PX // 2), strict=True)
        ],
        axis=1,
    )
    return _distance(found)


def _distance(blocks: NDArray[np.float64]) -> float:
    """Distance between the Gaussian of the blocks' statistics ``(N, 36)`` and the natural one."""
    complete = blocks[np.isfinite(blocks).all(axis=1)]
    if len(complete) < 2:
        raise MetricUnavailableError("NIQE has no meaning here: nearly all of the picture is flat")
    mean, covariance = _natural()
    gap = mean - np.nanmean(blocks, axis=0)
    joint = (covariance + np.cov(complete, rowvar=False)) / 2
    return float(np.sqrt(gap @ np.linalg.pinv(joint) @ gap))


def _blocks(picture: NDArray[Any], rows: int, columns: int, side: int) -> NDArray[Any]:
    """The blocks of a picture ``(H, W)``, row by row: ``(rows * columns, side, side)``."""
    inside = picture[: rows * side, : columns * side]
    return inside.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)


@functools.cache
def _natural() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of the statistics of natural pictures."""
    from safetensors.numpy import load_file

    stored = load_file(_NATURAL)
    return stored["mean"], stored["covariance"]


METRIC = Metric(
    name="niqe",
    display_name="NIQE",
    better="lower",
    unit="",
    decimals=2,
    compute=_niqe,
    span=(0.0, None),
    against="nothing",
    on_request=True,
)
