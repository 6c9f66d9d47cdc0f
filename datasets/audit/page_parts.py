"""Parts of an audit's page that say what sessions shared, and what became of unknown pairs."""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.blur_map import blur_map_of, blur_picture, blur_scale_px
from defocus.align.flow.by_name import flow_estimator
from defocus.align.photometry.unexplained import unexplained_picture
from defocus.align.registration.unknown_causes import advice
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import Audit
from defocus.datasets.measuring.kept import kept_blur, pair_keys, session_key
from defocus.datasets.measuring.session import PooledSession
from defocus.datasets.pair import Dataset
from defocus.reports.model import Cell, Column, Paragraph, Part, Table

State = tuple[str, NDArray[np.uint8]]
BlurOf = Callable[[str, tuple[int, ...]], list[State]]
"""Pictures of a pair by its id, of some width and height."""

BLUR_SIDE = 1800
UNEXPLAINED = "what the blur does not explain: red lighter, blue darker, by half a stop or more"


def blur_states(dataset: Dataset, audit: Audit) -> BlurOf:
    """A function that gives the pictures of a pair, none of one not measured on this computer."""
    keys = pair_keys(dataset, flow_estimator(audit.estimator), audit.limits)
    together = session_key(dataset)

    def states(name: str, size: tuple[int, ...]) -> list[State]:
        blur = kept_blur(keys[name], together)
        if blur is None:
            return []
        blur_map = blur_map_of(blur, step=max(1, max(blur.shape) // BLUR_SIDE))
        pictures = [
            (f"relative blur, 0 to {blur_scale_px(blur_map):.1f} px", blur_picture(blur_map))
        ]
        if blur.unexplained is not None:
            pictures.append((UNEXPLAINED, unexplained_picture(blur.unexplained)))
        return [
            (label, np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.uint8))
            for label, one in pictures
        ]

    return states


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
        "session", "told by", Column("pairs", decimals=0), Column("known alone", decimals=0),
        "shared", Column("measured with it", decimals=0), "known only thanks to it",
        "contradicting it",
    )  # fmt: skip
    note = (
        "Pairs of one camera, lens, focal length, aperture and change of focus share one zoom and "
        "one asymmetry of the point spread. A pair takes them where they are surer than its own; "
        "one that contradicts them keeps its own."
    )
    return Table.of("What the pairs of a session share", columns, rows, note, stacked=True)


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
    table = Table.of(
        "Pairs without a misalignment",
        names,
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
