"""Protocols (:data:`PROTOCOLS`): what a restored picture is compared with.

A flow to each output can hide geometric errors, so scores of ``deformed-gt`` are never ranked."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.align.flow.estimator import FlowEstimator
from defocus.align.sampling.warp import Grid, warp
from defocus.datasets.deriving.aligned_reference import aligned_reference
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import DefocusError, InputError, NotApplicableError
from defocus.near_names import meant
from defocus.pictures.read import read_image, read_sharp
from defocus.pictures.values import FULL, as_float

Floats = NDArray[np.floating[Any]]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """Reference ``(H, W, 3)`` float64 and mask, true where a pixel counts, both read-only."""

    # ``moved_px`` is the mean flow if the reference follows the output; ``sigma_px`` the standard
    # error of a registered reference's place along each axis, None if not known.

    reference: Array
    mask: NDArray[np.bool_]
    flow: str = ""
    moved_px: float | None = None
    flow_weights: str = ""
    sigma_px: float | None = None


@dataclass(frozen=True)
class Protocol:
    """A way to choose the target, and whether systems may be ranked under it."""

    name: str
    display_name: str
    description: str
    ranked: bool
    uses_flow: bool = False


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("gt", "Ground truth", "the sharp picture as captured", ranked=True),
        Protocol(
            "input-aligned",
            "Aligned to the input",
            "the sharp picture registered once onto the blurry input, reliable pixels alone",
            ranked=True,
            uses_flow=True,
        ),
        Protocol(
            "deformed-gt",
            "Deformed ground truth",
            "the sharp picture warped onto each output (JDRL's protocol); never ranked",
            ranked=False,
            uses_flow=True,
        ),
        Protocol(
            "truth",
            "Truth",
            "rendered data's true sharp picture in the blurry geometry",
            ranked=True,
        ),
    )
}
"""Every protocol by name, in the order of tables."""


def make_target(
    protocol: str,
    dataset: Dataset,
    pair: Pair,
    restored: Floats,
    estimator: FlowEstimator,
) -> Target:
    """Make the target of a restored picture; only ``deformed-gt`` uses the picture's values."""
    # Others are cached in memory, up to half a gigabyte, so they are registered once for all
    # systems.
    if protocol not in PROTOCOLS:
        raise InputError(f"no protocol '{protocol}'; {meant(protocol, PROTOCOLS)}")
    if protocol == "deformed-gt":
        target = _deformed(_kept("gt", dataset, pair), restored, estimator)
    else:
        target = _kept(protocol, dataset, pair)
    if target.reference.shape != restored.shape:
        height, width = restored.shape[:2]
        wanted_height, wanted_width = target.reference.shape[:2]
        raise DefocusError(
            f"{pair.id}: the restored picture is {width}x{height}, "
            f"its target {wanted_width}x{wanted_height}"
        )
    return target


# the whole sample dataset, or the three targets of 3 DPDD pairs
_KEPT_BYTES = 512 * 2**20
_KEEPING = threading.Lock()  # pictures are scored in several threads
_targets: "OrderedDict[tuple[str, Path, str, str], Target]" = OrderedDict()


def _kept(protocol: str, dataset: Dataset, pair: Pair) -> Target:
    """The target of a protocol that ignores the output, from memory if possible."""
    key = (protocol, dataset.root, dataset.content_hash, pair.id)
    target = _targets.get(key)
    if target is None:
        target = _LOADERS[protocol](dataset, pair)
        target.reference.flags.writeable = False
        target.mask.flags.writeable = False
    with _KEEPING:
        _targets[key] = target
        _targets.move_to_end(key)
        kept_bytes = sum(map(_size_bytes, _targets.values()))
        while len(_targets) > 1 and kept_bytes > _KEPT_BYTES:
            _, oldest = _targets.popitem(last=False)
            kept_bytes -= _size_bytes(oldest)
    return target


def _size_bytes(target: Target) -> int:
    return target.reference.nbytes + target.mask.nbytes


def picture_in_full(path: Path, white: float | None) -> Array:
    """A picture in [0, 1], float64: scores are not computed in fewer digits."""
    return np.asarray(as_float(read_image(path, white), np.float64), dtype=np.float64)


def everywhere(picture: NDArray[Any]) -> NDArray[np.bool_]:
    """A mask ``(H, W)`` that includes every pixel of a picture."""
    return np.ones(picture.shape[:2], dtype=np.bool_)


def _gt(dataset: Dataset, pair: Pair) -> Target:  # noqa: ARG001 - one signature for all loaders
    if pair.sharp is None:
        raise NotApplicableError("no sharp picture: the set has no ground truth")
    sharp = np.asarray(
        as_float(read_sharp(pair.sharp, pair.blurry, pair.white), np.float64),
        np.float64,
    )
    return Target(sharp, everywhere(sharp))


def _truth(dataset: Dataset, pair: Pair) -> Target:  # noqa: ARG001 - one signature for all loaders
    if pair.truth is None:
        raise NotApplicableError("no true sharp picture: the pair is not rendered")
    truth = picture_in_full(pair.truth, pair.white)
    return Target(truth, everywhere(truth))


def _input_aligned(dataset: Dataset, pair: Pair) -> Target:
    if pair.sharp is None:
        raise NotApplicableError("no sharp picture: the set has no ground truth")
    aligned = aligned_reference(dataset, pair)
    if aligned.status == "unknown":
        raise NotApplicableError(f"misalignment unknown: {aligned.reason}")
    mask = read_image(aligned.valid_mask)[:, :, 0] > 0
    weights = aligned.misalignment["weights_sha256"] or ""
    errors = aligned.misalignment["uncertainty"]
    sigma_px = None if errors is None else errors["misalignment_px"] / math.sqrt(2)
    return Target(
        picture_in_full(aligned.sharp, FULL),
        mask,
        aligned.estimator,
        flow_weights=weights,
        sigma_px=sigma_px,
    )


_LOADERS: dict[str, Callable[[Dataset, Pair], Target]] = {
    "gt": _gt,
    "truth": _truth,
    "input-aligned": _input_aligned,
}


def _deformed(gt: Target, restored: Floats, estimator: FlowEstimator) -> Target:
    """The sharp picture warped onto an output; pixels from outside the frame do not count."""
    if restored.shape != gt.reference.shape:
        return gt  # the caller names the two sizes
    reference, flow = _warped(gt.reference, restored, estimator, "correct")
    moved = _mean_length(flow)
    return Target(
        reference,
        _inside(flow),
        estimator.name,
        moved,
        estimator.weights_sha256,
    )


def deformed_target(
    sharp: Array,
    restored: Floats,
    estimator: FlowEstimator,
    grid: Grid,
) -> Target:
    """The sharp picture warped onto an output as JDRL's test script does: every pixel counts."""
    # ``official`` is the script's shifted grid, which changes even an unmoved picture. Source:
    # JDRL, ``get_backwarp`` at test time.
    reference, flow = _warped(sharp, restored, estimator, grid)
    mask, moved = everywhere(reference), _mean_length(flow)
    return Target(reference, mask, estimator.name, moved, estimator.weights_sha256)


@torch.no_grad()
def _warped(
    sharp: Array,
    restored: Floats,
    estimator: FlowEstimator,
    grid: Grid,
) -> tuple[Array, Array]:
    """The warped picture and the flow ``(2, H, W)``."""
    second = _tensor(sharp)
    output = _tensor(np.clip(restored.astype(np.float64), 0.0, 1.0))
    flow = estimator(output.float(), second.float()).double()
    picture = warp(second, flow, grid=grid)[0].permute(1, 2, 0).contiguous().numpy()
    return picture, flow[0].numpy()


def _mean_length(flow: Array) -> float:
    return float(np.hypot(flow[0], flow[1]).mean())


def _tensor(picture: Array) -> torch.Tensor:
    return torch.from_numpy(picture.transpose(2, 0, 1)[None].copy())


def _inside(flow: Array) -> NDArray[np.bool_]:
    """Mask of the places where a flow ``(2, H, W)`` leads into the picture or half a pixel off."""
    height, width = flow.shape[1:]
    rows, columns = np.indices((height, width))
    x = columns + flow[0]
    y = rows + flow[1]
    inside_x = (x >= -0.5) & (x <= width - 0.5)
    inside_y = (y >= -0.5) & (y <= height - 0.5)
    return np.asarray(inside_x & inside_y, dtype=np.bool_)
