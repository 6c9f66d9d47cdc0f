"""What the files of pairs say of colours, orientation and frames, said by every step that reads."""

from collections.abc import Iterable, Sized

from defocus.datasets.audit.members import Warned, warnings_of
from defocus.datasets.pair import Pair
from defocus.progress import grouped, say

__all__ = ["say_member_warnings", "say_warnings"]


def say_member_warnings(pairs: tuple[Pair, ...]) -> None:
    """Say what is odd about the files of pairs, by their headers; nothing where all is well."""
    say_warnings(warnings_of(pairs), pairs)


def say_warnings(found: Iterable[Warned], of: Sized) -> None:
    """Say warnings that an audit has found already, the repeated ones in one line."""
    for line in grouped((one.finding for one in found), len(of), "pair"):
        say(line)
