"""Resolution of a difference: how far it changes where the references are moved.

Per picture, a move of the reference by its standard error changes the difference of two systems in
two ways. What changes sign with the direction averages out over scenes. What does not, because the
sharper restoration loses more whichever way the reference is off, adds up.
"""

from typing import TYPE_CHECKING

from defocus.benchmark.evaluation.columns import MOVES
from defocus.benchmark.statistics.scored_group import ScoredGroup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["moved_changes", "resolution"]


def moved_changes(group: ScoredGroup, line: int) -> "NDArray[np.float64] | None":
    """What each move adds to the scores of a line of PSNR, ``(moves, pictures)``."""
    # Means over seeds; NaN where the reference's place has no standard error, None if none has.
    import numpy as np

    mine = group.places[line]
    known = {
        place.metric: number
        for number, place in enumerate(group.places)
        if (place.profile, place.protocol, mine.metric) == (mine.profile, mine.protocol, "psnr")
    }
    if not MOVES.keys() <= known.keys():
        return None
    values = group.values[[known[name] for name in MOVES]].mean(axis=1)
    return np.asarray((values - group.values[line].mean(axis=0))[:, group.counted[line]])


def resolution(changes: "NDArray[np.float64]", codes: tuple[int, ...]) -> float | None:
    """The change to expect of a mean difference, in the unit of the scores; None without one."""
    # Errors of scenes are independent; pictures of one scene count as if theirs were the same. It
    # is the root of the sum of squares of both parts of ``(moves, pictures)``.
    import numpy as np

    there = np.isfinite(changes).all(axis=0)
    if not there.any():
        return None
    right, left, down, up = changes[:, there]
    either_way = float((right + left + down + up).mean()) / 2
    one_way = np.hypot(right - left, down - up) / 2
    of_scenes = np.bincount(np.array(codes)[there], weights=one_way)
    return float(np.hypot(either_way, np.sqrt(np.square(of_scenes).sum()) / there.sum()))
