"""What every step that reads pairs says: those it did without; colours, orientation, frames."""

from collections.abc import Iterable, Sized
from typing import TYPE_CHECKING

from defocus.isolation import LeftOut, say_left_out
from defocus.progress import grouped, say

if TYPE_CHECKING:  # heavy at run time
    from defocus.datasets.audit.members import Warned
    from defocus.datasets.pair import Dataset, Pair

__all__ = ["say_member_warnings", "say_warnings", "without"]


def without(dataset: "Dataset", failed: Iterable[LeftOut] = ()) -> tuple[LeftOut, ...]:
    """Say which pairs of a dataset a command did without, and return them."""
    left_out = dataset.without(failed)
    say_left_out(left_out, dataset.found, "pair")
    return left_out


def say_member_warnings(pairs: "tuple[Pair, ...]") -> None:
    """Say what is odd about the files of pairs, by their headers; nothing where all is well."""
    from defocus.datasets.audit.members import warnings_of

    say_warnings(warnings_of(pairs), pairs)


def say_warnings(found: "Iterable[Warned]", of: Sized) -> None:
    """Say warnings that an audit has found already, the repeated ones in one line."""
    for line in grouped((one.finding for one in found), len(of), "pair"):
        say(line)
