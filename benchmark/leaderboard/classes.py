"""Which systems are ranked together, and on how many pictures and scenes numbers rest."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.results.store import CUSTOM, NARROW, NOT_TRAINED, SCRATCH
from defocus.benchmark.statistics.comparable import RANKED_BUDGETS, Track
from defocus.progress import counted, several


def most_images(rows: Iterable[Row]) -> int:
    """The number of pictures behind most of these rows: that of the row with most."""
    return max((row.images for row in rows), default=0)


def over_pictures(rows: Sequence[Row], kind: str = "picture") -> str:
    """``16 test pictures of 8 scenes``, or ``3 of 4 test pictures of 3 scenes``."""
    images = most_images(rows)
    pictures = max((row.pictures for row in rows), default=0)
    scenes = max((row.scenes for row in rows if row.images == images), default=0)
    over = counted(images, kind)
    if pictures > images:
        over = f"{images} of {counted(pictures, kind)}"
    return f"{over} of {counted(scenes, 'scene')}"


def counted_head(name: str, rows: Iterable[Row | None], usual: int) -> str:
    """The head of a column, with its number of pictures if that is not the table's usual one."""
    images = most_images(filter(None, rows))
    if images in {0, usual}:
        return name
    return f"{name}, {counted(images, 'picture')}"


def partial_words(row: Row, rows: Iterable[Row]) -> str:
    """``12 of 16 pictures`` for a row that lacks pictures which another one has; else empty."""
    images = most_images(rows)
    return (
        f"{row.images} of {counted(images, 'picture')}"
        if 0 < row.images < images
        else ""
    )


def left_out_notes(rows: Mapping[str, Row]) -> list[str]:
    """Notes on pictures that rows of one score leave out, each reason once, with its rows."""
    names: dict[str, list[str]] = defaultdict(list)
    valued = 0
    for name, row in rows.items():
        if not row.images:
            continue
        valued += 1
        if row.left_out:
            names[row.left_out].append(name)
    notes = []
    for reason, concerned in names.items():
        some = ""
        if len(concerned) < valued:
            some = f" of {several(sorted(concerned))}"
        notes.append(f"left out{some}: {reason}")
    return notes


def protocol_notes(places: Mapping[str, Sequence[str]]) -> list[str]:
    """Rows that were not scored under every protocol, so that some tables are without them."""
    every = set().union(*places.values())
    names: dict[str, list[str]] = defaultdict(list)
    for name, protocols in places.items():
        lacking = every.difference(protocols)
        if protocols and lacking:
            under = " and ".join(protocols)
            names[under].append(name)
    notes = []
    for under, concerned in names.items():
        notes.append(f"scored only under {under}: {', '.join(concerned)}")
    return notes


def empty_notes(rows: Iterable[tuple[str, Row]]) -> list[str]:
    """Why cells are empty and rows marked: each reason once, with all that it holds for."""
    return list(empty_cells(rows))


def empty_cells(rows: Iterable[tuple[str, Row]]) -> dict[str, set[str]]:
    """The metrics that each of :func:`empty_notes` is about."""
    failed: list[tuple[str, Row]] = []
    scored_names = set()
    scored_metrics = set()
    for name, row in rows:
        if row.value is not None:
            scored_names.add(name)
            scored_metrics.add(row.metric)
        if row.status != "ok":
            failed.append((name, row))
    subjects: dict[str, set[str]] = defaultdict(set)
    metrics: dict[str, set[str]] = defaultdict(set)
    for name, row in failed:
        # a metric that nothing has stands for all rows that have something else
        about_metric = row.metric not in scored_metrics and name in scored_names
        subjects[row.status].add(row.metric if about_metric else name)
        metrics[row.status].add(row.metric)
    by_words = {}
    for status, names in subjects.items():
        reason = status.removeprefix("not-applicable: ")
        by_words[f"{', '.join(sorted(names))}: {reason}"] = metrics[status]
    return by_words


ALIKE_ALONE = "compare rows that were trained alike, never with published numbers"
"""Advice for a schedule of the person's own: nothing says whether two rows have the same one."""

NARROW_NOTICE = (
    "demo budget: narrow copies, trained for seconds; compare them with each other, never with "
    "published numbers"
)

SCALES_NOTE = (
    "@scales: each part of a picture is restored at 1, 1/2, 1/4 or 1/8 of the size, as its "
    "estimated blur asks for; the whole picture at once, without the guard of defocus-restore; "
    "MACs and memory are of one pass at full size"
)
"""Meaning of a row with this mark, or with this suffix in its name."""

ROUNDED = (
    "Gains and differences are those of the rounded numbers that are shown, so that they can be "
    "0.01 dB beside the exact ones."
)

SEEN = {
    "single": "one picture",
    "dual": "dual-pixel views",
    "dual_pixel": "dual-pixel views",
    "defocus_map": "its true defocus map",
}
"""Inputs of systems, in people's words."""


def flow_words(row: Row) -> str:
    """The flow estimator with the start of its weights' hash, if it has weights."""
    return f"{row.flow} {row.flow_weights[:8]}".strip()


def given_words(given: str) -> str:
    """Inputs of systems, in words."""
    return " and ".join(SEEN.get(one, one) for one in given.split(", "))


def ranks_narrow_copies(tracks: Iterable[Track]) -> bool:
    """Whether narrow copies are ranked, which is only done among themselves."""
    return any(track.is_ranked for track in tracks if track.weights == NARROW)


def is_trained(weights: str) -> bool:
    """Whether a study trained these weights itself."""
    return weights in {"trained", NARROW} or weights.startswith(SCRATCH)


def ranked_in(track: Track) -> list[int]:
    """The ranks of a track."""
    return [one.rank for one in track.standings if one.rank is not None]


def notice_on(budgets: Iterable[str], tracks: Iterable[Track]) -> str:
    """What may be compared: narrow copies with each other where they are ranked, or nothing."""
    return NARROW_NOTICE if ranks_narrow_copies(tracks) else budget_notice(budgets)


def budget_notice(budgets: Iterable[str]) -> str:
    """Notice for tables and figures under a budget that cannot compare systems."""
    unranked = set(budgets) - set(RANKED_BUDGETS)
    if not unranked:
        return ""
    words = budget_words(unranked)
    if unranked == {CUSTOM}:
        return f"{words}: {ALIKE_ALONE}"
    return f"{words}, not a comparison"


def budget_words(budgets: Iterable[str]) -> str:
    """Budgets as text: ``demo and quick budget``, ``demo budget, some not trained here``."""
    names = set(budgets)
    trained = sorted(names - {CUSTOM, NOT_TRAINED})
    parts = []
    if trained:
        parts.append(f"{' and '.join(trained)} budget")
    if CUSTOM in names:
        parts.append("custom schedule")
    words = " and ".join(parts)
    if NOT_TRAINED not in names:
        return words
    return f"{words}, some not trained here" if words else "not trained here"
