"""Interface of optical flow estimators."""

from typing import Protocol

import torch

from defocus.errors import AlignmentError

__all__ = ["FlowEstimator", "check_frames"]


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
        """Flow from ``first`` to ``second``.

        Args:
            first: ``(N, 3, H, W)`` float32 RGB in [0, 1], any H, W.
            second: Same shape.

        Returns:
            ``(N, 2, H, W)`` float32, px, x right and y down, without gradient:
            ``second(x + flow(x))`` shows what ``first(x)`` shows.

        Raises:
            AlignmentError: Shapes differ or values are not finite.
        """
        ...


def check_frames(first: torch.Tensor, second: torch.Tensor) -> None:
    """Refuse frames that no estimator can compare: of other shapes, or not finite."""
    if first.shape != second.shape or first.ndim != 4 or first.shape[1] != 3:
        raise AlignmentError(
            f"flow needs two (N, 3, H, W) frames of one shape, not {tuple(first.shape)} "
            f"and {tuple(second.shape)}"
        )
    for name, frame in (("first", first), ("second", second)):
        if not bool(torch.isfinite(frame).all()):
            raise AlignmentError(f"the {name} frame has values that are not finite")
