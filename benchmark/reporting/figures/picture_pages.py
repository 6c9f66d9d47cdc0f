"""A report's pages of single pictures: typical ones, one table over all, a folded page for each."""

from collections.abc import Sequence
from dataclasses import astuple

from defocus.benchmark.leaderboard.columns import column
from defocus.benchmark.reporting.figures.picture_scores import (
    LEADING,
    PictureScores,
    gain_on,
    spread,
)
from defocus.benchmark.reporting.figures.pictures import KeptPictures
from defocus.benchmark.scoring.metric import NO_REFERENCE, all_metrics
from defocus.progress import counted
from defocus.reports.model import Cell, Column, Folded, Link, Paragraph, Part, Table, Tabs
from defocus.reports.text import anchor, number_text, signed_text

SHOWN_PICTURES = 6
"""So many pictures have their restorations in the report: typical ones, then those on which systems
differ most."""

PRINTED_PICTURES = 2
PRINTED_SYSTEMS = 6
"""So many pictures and systems are printed."""

Chosen = tuple[str, str, str]
"""What a picture stands for, the picture, and a caption."""


def typical_pictures(scores: PictureScores, kept: KeptPictures) -> list[Chosen]:
    """The pictures of the median, largest and smallest gain of the best system."""
    leader = next((n for n in range(len(scores.groups)) if n in scores.systems), None)
    if leader is None:
        return []
    if scores.convention.protocol == NO_REFERENCE:
        pairs = sorted(pair for pair in scores.values if kept.has(scores, pair))
        return [("First", pair, f"{pair}: blurry and restored") for pair in pairs[:1]]
    known = {
        pair: gain
        for pair in scores.values
        if kept.has(scores, pair) and (gain := gain_on(scores, pair, leader)) is not None
    }
    pairs = sorted(known, key=lambda pair: (known[pair], pair))
    if not pairs:
        return []
    places = {"Typical": (len(pairs) - 1) // 2, "Best": len(pairs) - 1, "Worst": 0}
    chosen: dict[str, Chosen] = {}
    for word, place in places.items():
        pair = pairs[place]
        rank = "median gain" if word == "Typical" else f"{word.lower()} gain"
        name, many = scores.names[leader], counted(len(pairs), "kept picture")
        caption = f"{pair}: {name} {signed_text(known[pair], 2)} dB, the {rank} of {many}"
        chosen.setdefault(pair, (word, pair, caption))
    return list(chosen.values())


def typical_figure(scores: PictureScores, kept: KeptPictures) -> list[Part]:
    """The typical pictures under sliders, with every system to choose from."""
    tabs = []
    for word, pair, caption in typical_pictures(scores, kept):
        sliders = kept.read(scores, pair).slider(caption)
        if sliders:
            tabs.append((word, tuple(sliders)))
    return [Tabs("Picture", tuple(tabs))] if tabs else []


def picture_parts(scores: PictureScores, kept: KeptPictures) -> list[Part]:
    """The pictures with restorations, a folded page each; then all others behind one heading."""
    pairs = sorted(scores.values, key=lambda pair: (-spread(scores, pair), pair))
    if not pairs:
        return []
    typical = [pair for _, pair, _ in typical_pictures(scores, kept)]
    differing = [p for p in pairs if kept.has(scores, p) and p not in typical]
    shown = [*typical, *differing[: SHOWN_PICTURES - len(typical)]]
    folded = [_folded(scores, pair, kept, slider=pair not in typical) for pair in shown]
    others = [_scores_alone(scores, pair) for pair in pairs if pair not in shown]
    table = () if scores.convention.protocol == NO_REFERENCE else (_overview(scores, pairs),)
    overview = Folded(
        "Every picture",
        anchor("pictures", *astuple(scores.board.key)),
        (*table, *others),
        counted(len(pairs), "picture"),
    )
    return [*folded, overview]


def printed_pictures(scores: PictureScores, kept: KeptPictures) -> list[Part]:
    """Crops of the best systems on a few pictures, for print."""
    pairs = sorted(scores.values, key=lambda pair: (-spread(scores, pair), pair))
    typical = [pair for _, pair, _ in typical_pictures(scores, kept)]
    chosen = [*typical, *(p for p in pairs if kept.has(scores, p) and p not in typical)]
    return [
        part
        for pair in chosen[:PRINTED_PICTURES]
        for part in kept.read(scores, pair).crops(PRINTED_SYSTEMS)
    ]


def _place(scores: PictureScores, pair: str) -> str:
    return anchor("picture", *astuple(scores.board.key), pair)


def _overview(scores: PictureScores, pairs: Sequence[str]) -> Table:
    """One line per picture: the input, and the best system there."""
    metric = all_metrics()[LEADING]
    body: list[tuple[Cell, ...]] = []
    before = scores.input_line
    for pair in sorted(pairs):
        by_line = scores.values[pair]
        values = {n: v[LEADING] for n, v in by_line.items() if n in scores.systems and LEADING in v}
        best = max(values, key=lambda n: (values[n], -n), default=None)
        under = by_line.get(before, {}).get(LEADING) if before is not None else None
        body.append(
            (
                Link(pair, f"#{_place(scores, pair)}"),
                scores.scenes[pair],
                under,
                values[best] if best is not None else None,
                scores.names[best] if best is not None else None,
                spread(scores, pair),
            )
        )
    columns = (
        "Picture", "Scene", Column("Input", metric.unit, decimals=2),
        Column("Best", metric.unit, decimals=2), "Best system",
        Column("Differ by", metric.unit, decimals=2),
    )  # fmt: skip
    caption = f"{metric.display_name} of every picture under {scores.convention.protocol}"
    note = "Differ by: the standard deviation over systems."
    return Table.of(caption, columns, body, note)


def _folded(scores: PictureScores, pair: str, kept: KeptPictures, *, slider: bool) -> Folded:
    """The page of a picture; a slider at the top of the report is not repeated."""
    shown = kept.read(scores, pair)
    parts: list[Part] = list(shown.unread)
    if slider:
        names = ["blurry", "restored", *(label for label, _ in shown.reference)]
        parts += shown.slider(f"{pair}: {', '.join(names)}")
    else:
        parts.append(Paragraph("Its slider is at the top of this page."))
    parts += [*shown.crops(), *shown.errors(), _scores_of(scores, pair)]
    return Folded(pair, _place(scores, pair), tuple(parts), _line(scores, pair))


def _scores_alone(scores: PictureScores, pair: str) -> Folded:
    table = _scores_of(scores, pair)
    return Folded(pair, _place(scores, pair), (table,), _line(scores, pair))


def _line(scores: PictureScores, pair: str) -> str:
    scene = scores.scenes[pair]
    said = [] if scene == pair else [scene]
    if len(scores.groups) > 1 and scores.convention.protocol != NO_REFERENCE:
        spread_db = number_text(spread(scores, pair), 2)
        said.append(f"standard deviation over systems {spread_db} dB")
    return "; ".join(said)


def _scores_of(scores: PictureScores, pair: str) -> Table:
    """Table of one picture's scores: a row per system, a column per metric."""
    by_line = scores.values[pair]
    metrics = [
        metric
        for name, metric in all_metrics().items()
        if any(name in by_metric for by_metric in by_line.values())
    ]
    body = tuple(
        (scores.names[line], *(by_metric.get(m.name) for m in metrics))
        for line, by_metric in sorted(by_line.items())
    )
    return Table.of(
        f"Scores of {pair}", ("System", *(column(m.name) for m in metrics)), body, large=True
    )
