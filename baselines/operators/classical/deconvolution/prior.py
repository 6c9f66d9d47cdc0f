"""The prior of Krishnan and Fergus's deconvolution; imports nothing, so that cards can name it."""

from dataclasses import dataclass

__all__ = ["Prior"]


@dataclass(frozen=True)
class Prior:
    """How much the picture's gradients count against the data."""

    # ``alpha`` is their power, 0 to 1, 1.5 or 2; ``weight`` lambda of the squared data term: larger
    # is sharper and noisier.

    alpha: float
    weight: float
