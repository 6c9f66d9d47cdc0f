"""What systems are ranked among: their class, and the budgets of its trainings in words."""

from collections.abc import Iterable

from defocus.benchmark.results.store import CUSTOM, NARROW, NOT_TRAINED
from defocus.benchmark.statistics.comparable import RANKED_BUDGETS, Track
from defocus.progress import counted

__all__ = [
    "SEEN",
    "budget_notice",
    "budget_words",
    "ranked_classes",
    "ranked_in",
    "ranks_narrow_copies",
]

ALIKE_ALONE = "compare rows that were trained alike, never with published numbers"
"""What a schedule of one's own allows: nothing says whether two rows have the same one."""

SEEN = {
    "single": "one picture",
    "dual": "dual-pixel views",
    "dual_pixel": "dual-pixel views",
    "defocus_map": "its true defocus map",
}
"""What systems are given, as people say it."""


def ranks_narrow_copies(tracks: Iterable[Track]) -> bool:
    """Whether narrow copies are ranked, which is only done among themselves."""
    return any(each.rank for t in tracks if t.weights == NARROW for each in t.standings)


def ranked_classes(tracks: Iterable[Track]) -> str:
    """What each rank is among, where a table has ranks of several classes."""
    ranked = [track for track in tracks if len(ranked_in(track)) > 1]
    classes = [
        f"{counted(len(ranked_in(track)), 'system')} given {SEEN.get(track.input, track.input)}, "
        + (f"trained on {track.train_dataset}, " if track.train_dataset else "")
        + budget_words([track.contest.budget])
        for track in ranked
    ]
    return f"ranks are within a class: {'; '.join(classes)}" if len(classes) > 1 else ""


def ranked_in(track: Track) -> list[int]:
    """The ranks of a track."""
    return [one.rank for one in track.standings if one.rank is not None]


def budget_notice(budgets: Iterable[str]) -> str:
    """Notice for tables and figures under a budget that cannot compare systems."""
    unranked = set(budgets) - set(RANKED_BUDGETS)
    if unranked == {CUSTOM}:
        return f"{budget_words(unranked)}: {ALIKE_ALONE}"
    return f"{budget_words(unranked)}, not a comparison" if unranked else ""


def budget_words(budgets: Iterable[str]) -> str:
    """Budgets as text: ``demo and quick budget``, ``not trained here and demo budget``."""
    names = set(budgets)
    ours = names - {CUSTOM, NOT_TRAINED}
    untrained = "not trained here" if NOT_TRAINED in names else ""
    words = f"{' and '.join(sorted(ours))} budget" if ours else ""
    custom = "custom schedule" if CUSTOM in names else ""
    return " and ".join(part for part in (untrained, words, custom) if part)
