"""Interface of optical flow estimators, and DIS, the one that needs no weights."""

from typing import Protocol

import cv2
import numpy as np
import torch

from defocus.align.arrays import Bytes, Singles
from defocus.align.sampling.pyramid import extended
from defocus.errors import AlignmentError
from defocus.pictures.values import LUMA


class FlowEstimator(Protocol):
    """Estimates optical flow between two frames.

    Attributes:
        name: Name in results: ``dis``, ``pwcnet-own`` or ``pwcnet-official``, with ``-equalised``
            if it equalises the blur first.
        weights_sha256: Hash of the weights file, empty if there is none.
    """

    name: str
    weights_sha256: str

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Flow from ``first`` to ``second``, both ``(N, 3, H, W)`` float32 RGB in [0, 1]."""
        # ``(N, 2, H, W)`` float32, px, x right and y down, without gradient: ``second(x +
        # flow(x))`` shows what ``first(x)`` shows. Other shapes and values are an AlignmentError.
        ...


def check_frames(first: torch.Tensor, second: torch.Tensor) -> None:
    """Refuse frames that no estimator can compare: of other shapes, or not finite."""
    alike = first.shape == second.shape
    if not alike or first.ndim != 4 or first.shape[1] != 3:
        raise AlignmentError(
            f"flow needs two (N, 3, H, W) frames of one shape, not {tuple(first.shape)} "
            f"and {tuple(second.shape)}"
        )
    for name, frame in (("first", first), ("second", second)):
        if not bool(torch.isfinite(frame).all()):
            raise AlignmentError(f"the {name} frame has values that are not finite")


# DIS flow (Kroeger et al., ECCV 2016; OpenCV's code), the estimator that needs no weights.


SMALLEST_SIDE = 64
"""Smallest side of a frame, px; smaller ones are padded by reflection, because DIS drops to
single-patch pyramids below it."""

SMALL_SIDE = 96
"""Below this side the search goes on to single pixels, else it ends at half size.

Measured on rendered pairs (end-point error in px, finest scale 0 against 1): crops of 48 px 0.09
against 0.29 px; whole pictures without blur 0.02 against 0.06, with 12 px circles of confusion
0.97 against 0.30, since the finest scale sees nothing but the difference in blur.
"""
REFINEMENTS = 20
SMOOTHNESS = 40.0
"""Weight of smoothness in the variational refinement. OpenCV's 5 and 20 gave errors of 0.46 px
instead of 0.30 px at a blur of 12 px."""


class DISFlow:
    """Dense inverse search on grey pictures (8 bit, the only depth that DIS takes)."""

    name = "dis"
    weights_sha256 = ""

    @torch.no_grad()
    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Flow from ``first`` to ``second``; see ``FlowEstimator``."""
        check_frames(first, second)
        flows = []
        for one, other in zip(first.cpu(), second.cpu(), strict=True):
            flow = _dis_flow(_grey(one), _grey(other))
            flows.append(flow)
        return torch.from_numpy(np.stack(flows)).to(first.device)


def _grey(frame: torch.Tensor) -> Bytes:
    """``(3, H, W)`` RGB in [0, 1] to 8-bit luma (BT.601 weights)."""
    luma = torch.einsum("chw,c->hw", frame.float(), torch.tensor(LUMA))
    codes = (luma.clamp(0.0, 1.0) * 255.0).round()
    return codes.numpy().astype(np.uint8)


def _dis_flow(
    first: Bytes,
    second: Bytes,
) -> Singles:
    height, width = first.shape
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0 if min(height, width) < SMALL_SIDE else 1)
    search.setVariationalRefinementIterations(REFINEMENTS)
    search.setVariationalRefinementAlpha(SMOOTHNESS)
    first = _padded(first)
    second = _padded(second)
    still = np.zeros((*first.shape, 2), dtype=np.float32)
    flow = search.calc(first, second, still)
    cropped = flow[:height, :width]
    components_first = cropped.transpose(2, 0, 1)
    return np.ascontiguousarray(components_first, dtype=np.float32)


def _padded(grey: Bytes) -> Bytes:
    height, width = grey.shape
    below = max(0, SMALLEST_SIDE - height)
    right = max(0, SMALLEST_SIDE - width)
    padded = extended(grey, below, right, cv2.BORDER_REFLECT_101)
    return np.ascontiguousarray(padded, dtype=np.uint8)
