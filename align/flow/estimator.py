"""Flow estimators, and how to get one by name."""

from pathlib import Path
from typing import Protocol

import torch

from defocus.align.flow.names import DEFAULT_ESTIMATOR, ESTIMATORS
from defocus.errors import AlignmentError, InputError

__all__ = ["DEFAULT_ESTIMATOR", "ESTIMATORS", "FlowEstimator", "check_frames", "flow_estimator"]


class FlowEstimator(Protocol):
    """Something that estimates optical flow.

    Attributes:
        name: What a result says about its flow: ``dis``, ``pwcnet-own`` or ``pwcnet-official``,
            with ``-equalised`` where it gives the frames one blur.
        weights_sha256: Hash of the weights file, empty where there is none.
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


def flow_estimator(
    name: str = DEFAULT_ESTIMATOR, weights: Path | None = None, *, equalise: bool = False
) -> FlowEstimator:
    """The estimator of that name.

    Args:
        name: One of :data:`ESTIMATORS`.
        weights: Weights file for ``pwcnet``; official ``.pth.tar`` files and safetensors load. The
            weights that the package carries where None.
        equalise: Give the frames one exposure and one blur before; for blurry/sharp pairs that
            nothing has registered. :func:`defocus.align.flow.dense.dense_flow` does so by itself.

    Raises:
        InputError: Unknown name, or weights for an estimator that takes none.
        WeightsError: The weights file is damaged, unsafe or of another network.
    """
    plain = _plain_estimator(name, weights)
    if not equalise:
        return plain
    from defocus.align.flow.dense import EqualisedFlow  # it builds on this module

    return EqualisedFlow(plain)


def _plain_estimator(name: str, weights: Path | None) -> FlowEstimator:
    if name == "dis":
        if weights is not None:
            raise InputError(f"the estimator dis takes no weights; drop --flow-weights {weights}")
        from defocus.align.flow.dis import DISFlow  # each estimator is imported only when asked for

        return DISFlow()
    if name == "pwcnet":
        from defocus.align.flow.pwcnet.estimator import load_estimator

        return load_estimator(weights)
    raise InputError(f"no flow estimator is called {name!r}; choose one of {', '.join(ESTIMATORS)}")


def check_frames(first: torch.Tensor, second: torch.Tensor) -> None:
    """Refuse frames that no estimator can compare.

    Raises:
        AlignmentError: Shapes differ, are not ``(N, 3, H, W)``, or values are not finite.
    """
    if first.shape != second.shape or first.ndim != 4 or first.shape[1] != 3:
        raise AlignmentError(
            f"flow needs two (N, 3, H, W) frames of one shape, not {tuple(first.shape)} "
            f"and {tuple(second.shape)}"
        )
    for name, frame in (("first", first), ("second", second)):
        if not bool(torch.isfinite(frame).all()):
            raise AlignmentError(f"the {name} frame has values that are not finite")
