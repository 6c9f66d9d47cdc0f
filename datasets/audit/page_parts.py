"""Parts of an audit's page that say what sessions shared, and what became of unknown pairs."""

from collections.abc import Mapping, Sequence

from defocus.align.registration.unknown_causes import advice
from defocus.datasets.audit.pairs.pair_audit import AuditedPair
from defocus.datasets.measuring.session import PooledSession
from defocus.reports.model import Cell, Column, Paragraph, Part, Table

__all__ = ["not_measured_parts", "sessions_part", "with_error"]

LISTED = 200
"""Rows of a table; ``audit.csv`` has all."""
NAMED = 5
"""Pairs that are named in a cell; ``audit.json`` has all."""


def with_error(value: float | None, sigma: float | None) -> str:
    """A length with its standard error; without one if it was given and not measured."""
    if value is None:
        return "unknown"
    return f"{value:.2f} px" if sigma is None else f"{value:.2f} ± {sigma:.2f} px"


def sessions_part(sessions: Sequence[PooledSession]) -> Part:
    """Part that says what each session shares, and which pairs are known only thanks to it."""
    if not sessions:
        return Paragraph(
            "No two pairs say that they are of one session, or no zoom is allowed, so each was "
            "measured by itself."
        )
    rows: list[tuple[Cell, ...]] = [
        (
            one.camera or "unknown camera",
            one.by,
            len(one.pairs),
            len(one.known),
            one.shared,
            len(one.measured),
            _names(one.answered),
            _names(one.contradicting),
        )
        for one in sessions[:LISTED]
    ]
    columns = (
        Column("session"),
        Column("told by"),
        Column("pairs", decimals=0),
        Column("known alone", decimals=0),
        Column("shared"),
        Column("measured with it", decimals=0),
        Column("known only thanks to it"),
        Column("contradicting it"),
    )
    note = (
        "Pairs of one camera, lens, focal length, aperture and change of focus share one zoom and "
        "one asymmetry of the point spread. A pair takes them where they are surer than its own; "
        "one that contradicts them keeps its own."
    )
    return Table("What the pairs of a session share", columns, tuple(rows), note, stacked=True)


def _names(ids: Sequence[str]) -> str:
    """How many pairs, and which."""
    if not ids:
        return "0"
    more = ", …" if len(ids) > NAMED else ""
    return f"{len(ids)}: {', '.join(ids[:NAMED])}{more}"


def not_measured_parts(
    pairs: Sequence[AuditedPair], anchors: Mapping[str, str]
) -> tuple[Part, ...]:
    """Parts that list pairs without a misalignment, each with its reason and with what helps."""
    missing = [pair for pair in pairs if pair.reason]
    if not missing:
        return (Paragraph("Every pair was measured."),)
    rows = tuple(
        (
            pair.id,
            pair.split,
            pair.status,
            pair.reason,
            advice(pair.reason) if pair.status == "unknown" else "",
        )
        for pair in missing[:LISTED]
    )
    names = ("pair", "split", "status", "reason", "what helps")
    table = Table(
        "Pairs without a misalignment",
        tuple(map(Column, names)),
        rows,
        anchors=tuple(anchors[pair.id] for pair in missing[:LISTED]),
        stacked=True,
    )
    if all(pair.status != "unknown" for pair in missing):
        return (table,)
    return (
        table,
        Paragraph(
            "An unknown misalignment is no large one: the pictures do not tell it to within the "
            "error that is allowed, so no number is given. Such a pair may be aligned well. "
            'To keep such pairs, write unknown = "accept" into the --rules of \'defocus-data '
            "curate'; the guide docs/how-to/unknown-alignment.md in the source of this program "
            "says more of each reason."
        ),
    )
