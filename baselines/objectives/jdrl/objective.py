"""The JDRL objective: learn from pairs that do not line up, with any network.

All warps are backward: ``warp(second, flow(first -> second))`` shows the second picture as the
first frames it. The sharp picture is brought onto the restored one and the restored one onto the
sharp one; the reblurring network holds the restored picture where the blurry one lies.

Source: Li et al., Learning Single Image Defocus Deblurring with Misaligned Training Pairs (AAAI
2023), equations of section 3. Where paper and released code differ, this folder's README says which
is followed.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import nn

from defocus.align.flow import FlowEstimator, flow_estimator
from defocus.align.mask import calibration_mask
from defocus.align.warp import warp
from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.objectives.jdrl.reblur import ReblurNet
from defocus.baselines.objectives.objective import Batch, Objective, Progress

__all__ = ["ALPHA", "BAND", "JDRLObjective", "WarmUp", "make"]

ALPHA = 0.5
"""Weight of the reblurring loss."""
BAND = 0.35
"""lambda: half-width of the calibration mask's band around the mean flow, relative to it."""

WarmUp = Literal["forward", "cycle"]
"""``forward``: only the sharp picture warped onto the blurry one, no mask (the released code).
``cycle``: all terms, with the blurry picture standing in for the restored one wherever flow is
measured (a reading of the paper, which leaves the reverse term open)."""


class _Term(NamedTuple):
    loss: torch.Tensor
    kept_share: float
    flow_px: float


class JDRLObjective(Objective):
    """L = L_forward + L_reverse + 0.5 L_reblur.

    Args:
        estimator: Gives the flow; it is not trained and gets no gradient.
        warmup: What counts in the first epochs, while the restored picture is still poor.
    """

    def __init__(self, estimator: FlowEstimator, warmup: WarmUp = "forward") -> None:
        super().__init__()
        self.reblurring = ReblurNet()
        self.warmup = warmup
        self._flow = _Hidden(estimator)

    @property
    def estimator(self) -> FlowEstimator:
        """What gives the flow."""
        return self._flow.estimator

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss and its parts.

        Returns:
            The loss; ``deblur_forward``, ``deblur_reverse``, ``reblur`` (unweighted losses),
            ``mask_kept_share`` (0 to 1) and ``flow_px`` (mean magnitude) of the forward flow. In
            the ``forward`` warm-up there is no reverse and no reblurring term, hence no such part.
        """
        restored = network(batch.blurry)
        blurry = _one_picture(batch.blurry)
        if progress.in_warmup and self.warmup == "forward":
            flow = self._measure(blurry, batch.target)
            loss = charbonnier(restored, warp(batch.target, flow))
            return loss, _parts(_Term(loss, 1.0, _magnitude_px(flow)))
        seen = blurry if progress.in_warmup else restored
        forward = self._deformed(seen, batch.target, fixed=restored, moved=batch.target)
        reverse = self._deformed(batch.target, seen, fixed=batch.target, moved=restored)
        reblur = charbonnier(self.reblurring(restored, blurry), blurry)
        loss = forward.loss + reverse.loss + ALPHA * reblur
        parts = {"deblur_reverse": reverse.loss.item(), "reblur": reblur.item()}
        return loss, _parts(forward) | parts

    def _deformed(
        self, first: torch.Tensor, second: torch.Tensor, *, fixed: torch.Tensor, moved: torch.Tensor
    ) -> _Term:
        """Masked Charbonnier loss between ``fixed`` and ``moved`` warped by flow(first -> second).

        The mean divides by all pixels, masked ones included.
        """
        flow = self._measure(first, second)
        mask = calibration_mask(flow, BAND)
        loss = charbonnier(mask * fixed, mask * warp(moved, flow))
        return _Term(loss, mask.mean().item(), _magnitude_px(flow))

    @torch.no_grad()
    def _measure(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return self.estimator(first.clamp(0.0, 1.0), second.clamp(0.0, 1.0))


class _Hidden(NamedTuple):
    """Keeps an estimator that is a module out of the objective's parameters and state dict."""

    estimator: FlowEstimator


def _one_picture(blurry: torch.Tensor) -> torch.Tensor:
    """The blurry picture itself; of dual-pixel views their mean, which is what the sensor sums."""
    if blurry.shape[1] == 3:
        return blurry
    return (blurry[:, :3] + blurry[:, 3:]) / 2


def _magnitude_px(flow: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(flow, dim=1).mean())


def _parts(forward: _Term) -> dict[str, float]:
    return {
        "deblur_forward": forward.loss.item(),
        "mask_kept_share": forward.kept_share,
        "flow_px": forward.flow_px,
    }


def make(
    estimator: str = "dis", weights: Path | None = None, warmup: WarmUp = "forward"
) -> JDRLObjective:
    """The objective.

    Args:
        estimator: Name of a flow estimator.
        weights: Weights file for ``pwcnet``; the weights that the package carries where None.
        warmup: What counts during the warm-up.

    Raises:
        InputError: Unknown estimator, or weights for an estimator that takes none.
    """
    return JDRLObjective(flow_estimator(estimator, weights), warmup)
