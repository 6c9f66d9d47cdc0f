"""The pairs that a command did without: said, for ``--json``, and for the exit code."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from defocus.isolation import LeftOut, say_left_out

if TYPE_CHECKING:  # heavy at run time
    from defocus.datasets.pair import Dataset

__all__ = ["without"]


def without(dataset: "Dataset", failed: Iterable[LeftOut] = ()) -> tuple[LeftOut, ...]:
    """Say which pairs of a dataset a command did without, and return them."""
    left_out = dataset.without(failed)
    say_left_out(left_out, dataset.found, "pair")
    return left_out
