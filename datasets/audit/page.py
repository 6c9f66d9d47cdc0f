"""The report of an audit."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import attrgetter, itemgetter

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus import __version__
from defocus.capture.sessions.member import displacement_overlay
from defocus.datasets.audit.distributions import distributions, quantity_label
from defocus.datasets.audit.members import SHOWN, shown_members
from defocus.datasets.audit.page_parts import (
    LISTED,
    LinkOf,
    blur_cell,
    blur_states,
    checks_table,
    failing_parts,
    headline,
    next_parts,
    not_measured_parts,
    sessions_part,
    usable_parts,
    with_error,
)
from defocus.datasets.audit.pair_audit import AuditedPair, NearDuplicate
from defocus.datasets.audit.run import Audit
from defocus.datasets.audit.table import (
    QUANTITIES,
    AuditFailures,
    failing_pairs,
    failures,
    summary,
    values,
    worst,
)
from defocus.datasets.copies.of_dataset import LOOKED_FOR, NOT_LOOKED_FOR
from defocus.datasets.curation_rules import Usable
from defocus.datasets.pair import Dataset
from defocus.pictures.values import Image, as_float, as_integer
from defocus.progress import counted
from defocus.reports.model import (
    Cell,
    Column,
    Facts,
    Folded,
    Link,
    Page,
    Paragraph,
    Part,
    Slider,
    Table,
)
from defocus.reports.pictures import small_picture

Anchors = Mapping[str, str]
"""Places on the page by the ids of pairs."""

UNEXPLAINED = next(one for one in QUANTITIES if one.name == "unexplained_stops")
PICTURE_SIDE = 900


def build_page(
    dataset: Dataset, audit: Audit, limit_px: float | None, usable: Usable
) -> Page:
    """Make the report: usable pairs, verdict, next step, pairs that fail; then all the rest."""
    failing = failures(audit, limit_px)
    anchors = {
        pair.id: f"pair-{number}" for number, pair in enumerate(audit.pairs, start=1)
    }
    link_of = _link_of(audit, anchors)
    wanting = failing_pairs(failing).keys() | {name for name, _ in usable.others}
    shown: list[Part] = []
    others: list[Part] = []
    for name, slider in _pictures(dataset, audit, anchors):
        (shown if name in wanting else others).append(slider)
    sections: dict[str, Sequence[Part]] = {
        "What to do next": next_parts(audit, failing, limit_px, usable),
        "Pairs that cannot be used": usable_parts(usable, link_of),
        "Pairs that fail": failing_parts(audit, failing, link_of),
        "Their pictures": shown,
    }
    if any(pair.reason for pair in audit.pairs):
        sections["Not measured"] = not_measured_parts(audit.pairs, anchors)
    if audit.duplicates or audit.same_places:
        sections["Pictures in two splits"] = duplicates_parts(audit)
    if audit.warnings:
        sections["Warnings"] = (warnings_part(audit),)
    sections["Distributions"] = distributions(audit.pairs, limit_px)
    checks = _passed(audit, failing, limit_px, link_of)
    sections["More"] = (checks, *_folded(audit, anchors, others))
    return Page(
        title=f"Audit of {audit.dataset}",
        notice="",
        sections=tuple(
            (name, tuple(parts)) for name, parts in sections.items() if parts
        ),
        summary=f"{usable.words}. {headline(audit, failing, limit_px)}",
    )


def _link_of(audit: Audit, anchors: Anchors) -> LinkOf:
    """The cell of a pair's id, a link where the page shows the pair."""
    links = _links(audit, anchors)

    def link_of(name: str) -> Cell:
        return Link(name, links[name]) if name in links else name

    return link_of


def _folded(audit: Audit, anchors: Anchors, sliders: Sequence[Part]) -> list[Folded]:
    """Parts that few readers open; ``sliders`` show pairs with which nothing is wrong."""
    pairs = (_pairs(audit.pairs, anchors),)
    folded = [Folded("Pairs", "pairs", pairs, _measured(audit))]
    if sliders:
        number = counted(len(sliders), "pair")
        folded.append(
            Folded("Pictures of other pairs", "pictures", tuple(sliders), number)
        )
    sessions = counted(len(audit.sessions), "session") if audit.sessions else "none"
    shared = (sessions_part(audit.sessions),)
    return [
        *folded,
        Folded("Sessions", "sessions", shared, sessions),
        Folded("Over all pairs", "summary", (summary_table(audit.pairs),)),
        Folded("What was audited", "audited", (_facts(audit),)),
    ]


def _passed(
    audit: Audit, failing: AuditFailures, limit_px: float | None, link_of: LinkOf
) -> Folded:
    """Every check in one line, and what no pair fails behind it."""
    table = checks_table(failing, limit_px, link_of)
    passed = sum(row[1] == 0 for row in table.rows)
    twins = audit.duplicates or audit.same_places
    empty: list[Part] = [] if twins else list(duplicates_parts(audit))
    empty += [warnings_part(audit)] if not audit.warnings else []
    line = f"{passed} of {counted(len(table.rows), 'check')} passed"
    return Folded("Checks", "checks", (table, *empty), line)


def _links(audit: Audit, anchors: Anchors) -> dict[str, str]:
    """Anchor of each pair on the page, by its id: of its pictures, else of its row in a table."""
    pictured = {row.id for row in _pictured(audit)}
    missing = [pair for pair in audit.pairs if pair.reason]
    links = {}
    for pair in (*missing[:LISTED], *worst(audit.pairs, QUANTITIES[0], LISTED)):
        anchor = anchors[pair.id]
        links[pair.id] = f"#{_picture(anchor) if pair.id in pictured else anchor}"
    return links


def _pictured(audit: Audit) -> list[AuditedPair]:
    """The most misaligned pairs, those that blur explains least, and the most suspicious."""
    aligned = worst(audit.pairs, QUANTITIES[0], SHOWN)
    names = {row.id for row in aligned}
    odd = [
        row
        for row in worst(audit.pairs, UNEXPLAINED, len(audit.pairs))
        if row.causes and row.id not in names
    ]
    names |= {row.id for row in odd[:SHOWN]}
    by_id = {row.id: row for row in audit.pairs}
    unlike = [by_id[name] for name in audit.suspects if name not in names]
    return [*aligned, *odd[:SHOWN], *unlike[:SHOWN]]


def _picture(anchor: str) -> str:
    """The permanent name of a pair's pictures, by that of its row."""
    return f"{anchor}-pictures"


def _measured(audit: Audit) -> str:
    measured = values(audit.pairs, "misalignment_px")
    if not len(measured):
        return f"{counted(audit.total, 'pair')}, none of which could be measured"
    return (
        f"{counted(audit.total, 'pair')}, {len(measured)} measured: misalignment "
        f"{np.median(measured):.2f} px in the median, {measured.max():.2f} px at most"
    )


def _facts(audit: Audit) -> Facts:
    status = audit.statuses
    largest = audit.limits.largest_px
    return Facts(
        "Identity of the audit",
        (
            ("dataset", audit.dataset),
            ("content", f"SHA-256 {audit.content_hash}"),
            ("pairs", str(len(status))),
            ("measured", str(status.count("ok"))),
            ("unknown", str(status.count("unknown"))),
            ("without sharp member", str(status.count("no-sharp"))),
            ("unreadable", str(status.count("unreadable"))),
            ("flow estimator", audit.estimator),
            ("richest model", audit.limits.at_most),
            (
                "largest shift",
                f"{largest:g} px" if math.isfinite(largest) else "not given",
            ),
            ("version", f"defocus {__version__}"),
        ),
    )


def summary_table(pairs: Sequence[AuditedPair]) -> Table:
    """Each quantity in one line."""
    numbers = summary(pairs)
    cells = itemgetter("count", "median", "p95", "max")
    rows = tuple((quantity_label(one), *cells(numbers[one.name])) for one in QUANTITIES)
    count = Column("pairs", decimals=0)
    columns = (
        "quantity",
        count,
        "median",
        "95th percentile of the size",
        "largest size",
    )
    return Table.of("Over all pairs", columns, rows)


def duplicates_parts(audit: Audit) -> tuple[Part, ...]:
    """Parts that list pictures in two splits and other photographs of one place."""
    shown: list[Part] = []
    if audit.duplicates:
        said = f"{len(audit.duplicates)} in all; training on one leaks its scene into the test."
        shown.append(
            _twins_table("The same picture in two splits", audit.duplicates, said)
        )
    else:
        shown.append(
            Paragraph(
                f"No picture was found in two splits. Looked for: {LOOKED_FOR}. Not found are "
                f"{NOT_LOOKED_FOR}."
            )
        )
    if audit.same_places:
        said = (
            f"{len(audit.same_places)} in all: no copies, but details that lie alike. Look at "
            "both, and put them into one split if the test is to be of new places."
        )
        caption = "Perhaps the same place in two splits"
        shown.append(_twins_table(caption, audit.same_places, said, columns=4))
    return tuple(shown)


def _twins_table(
    caption: str, twins: Sequence[NearDuplicate], said: str, columns: int = 6
) -> Table:
    rows = [
        (
            one.first,
            one.splits[0],
            one.second,
            one.splits[1],
            one.kind,
            one.correlation,
        )[:columns]
        for one in twins[:LISTED]
    ]
    names = (
        "pair",
        "split",
        "other pair",
        "its split",
        "what they share",
        "correlation",
    )
    return Table.of(caption, names[:columns], rows, said, stacked=True)


def warnings_part(audit: Audit) -> Part:
    """Part that lists odd pairs, and what files say of colours, orientation and frames."""
    if not audit.warnings:
        return Paragraph(
            "No pair has the same picture twice, a blurry picture that is the sharper one, light "
            "that the blur does not explain, or an overexposed member, and all files say the same "
            "of their colours, orientation and frames."
        )
    rows = tuple((one.id, one.what, one.text) for one in audit.warnings[:LISTED])
    columns = ("pair", "what", "warning")
    note = f"{len(audit.warnings)} in all."
    return Table.of("What the files of pairs show", columns, rows, note, stacked=True)


AT_ONCE = 2
"""Number of pairs that are read at once for the page. Each needs the memory of two pictures."""


def _pictures(
    dataset: Dataset, audit: Audit, anchors: Anchors
) -> list[tuple[str, Slider]]:
    """The pairs with pictures, by their ids."""
    by_id = {pair.id: pair for pair in dataset.pairs}
    sliders: list[tuple[str, Slider]] = []
    blur_of = blur_states(dataset, audit)
    rows = _pictured(audit)
    pairs = [by_id[row.id] for row in rows]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        members = list(pool.map(partial(shown_members, worst=audit.shown), pairs))
    for row, both in zip(rows, members, strict=True):
        states = _states(*both, row)
        states += blur_of(row.id, states[0][1].shape[1::-1])
        slider = Slider(
            _caption(row, audit),
            tuple(states),
            audit_overlay(row, PICTURE_SIDE),
            _picture(anchors[row.id]),
        )
        sliders.append((row.id, slider))
    return sliders


def audit_overlay(row: AuditedPair, side: int) -> tuple[str, NDArray[np.uint8]] | None:
    """Misalignment from blurry to sharp as arrows over the picture; None if it was not measured."""
    if row.similarity is None or row.width is None or row.height is None:
        return None
    scale = min(1.0, side / max(row.width, row.height))
    width = max(1, round(row.width * scale))
    height = max(1, round(row.height * scale))
    return displacement_overlay(row.similarity, (height, width), row.width / width)


def _caption(row: AuditedPair, audit: Audit) -> str:
    odd = (*row.causes, *(one.text for one in audit.suspects.get(row.id, ())))
    return (
        f"{row.id} ({row.split}): misalignment "
        f"{with_error(row.misalignment_px, row.misalignment_sigma_px)} in the mean, shift "
        f"{row.shift_x_px:+z.2f}, {row.shift_y_px:+z.2f} px, zoom {row.zoom:.5f}, rotation "
        f"{row.rotation_deg:+z.3f} deg, residual {row.residual_p95_px:.2f} px (p95)"
        + "".join(f"; {cause}" for cause in odd)
    )


def _states(
    blurry: Image, sharp: Image, row: AuditedPair
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Pictures of a pair with their labels: its members, moved into place, and differences."""
    registered = _registered(sharp, _shown_matrix(row, blurry.shape))
    first = as_float(small_picture(blurry, PICTURE_SIDE, PICTURE_SIDE))
    second = as_float(small_picture(sharp, PICTURE_SIDE, PICTURE_SIDE))
    aligned = as_float(small_picture(registered, PICTURE_SIDE, PICTURE_SIDE))
    pictures = {
        "blurry": first,
        "sharp, as it is": second,
        "sharp, registered": aligned,
        "difference, as it is": 0.5 + (second - first) / 2,
        "difference, registered": 0.5 + (aligned - first) / 2,
    }
    states = []
    for label, picture in pictures.items():
        shown = as_integer(np.clip(picture, 0.0, 1.0), 8)
        states.append((label, np.asarray(shown, np.uint8)))
    return states


def _shown_matrix(row: AuditedPair, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The measured transform in pixels of members that are shown in another size."""
    model = row.similarity
    assert model is not None  # noqa: S101 - it was measured
    full_height = row.height or 1
    full_width = row.width or 1
    x = shape[1] / full_width
    y = shape[0] / full_height
    scale = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
    matrix = np.vstack([model.matrix(full_width, full_height), [0.0, 0.0, 1.0]])
    return np.asarray(scale @ matrix @ np.linalg.inv(scale))


def _registered(sharp: Image, matrix: NDArray[np.float64]) -> Image:
    """A picture to be looked at: positions are rounded to 1/32 px, in a tenth of the time."""
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = sharp.shape[1::-1]
    moved = cv2.warpPerspective(
        sharp, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, sharp.dtype)


def _pairs(pairs: Sequence[AuditedPair], anchors: Anchors) -> Table:
    listed = worst(pairs, QUANTITIES[0], LISTED)
    measured = len(values(pairs, QUANTITIES[0].name))
    columns = (
        "pair", "split", Column("misalignment", "px", decimals=2),
        Column("± in the mean", "px", decimals=2), Column("± at a corner", "px", decimals=2),
        Column("zoom", decimals=5), Column("residual p95", "px", decimals=2),
        Column("reliable", decimals=2), Column("exposure", "EV"),
        Column("vignetting", "EV", decimals=1), Column("unexplained", "stops", decimals=2),
        Column("blur p95", "px", decimals=1), "sharpness",
    )  # fmt: skip
    cells = attrgetter(
        "id", "split", "misalignment_px", "misalignment_sigma_px", "corner_sigma_px", "zoom",
        "residual_p95_px", "reliable_share", "gain_ev", "vignetting_ev", "unexplained_stops",
    )  # fmt: skip
    rows = tuple((*cells(row), blur_cell(row), row.fine_to_coarse) for row in listed)
    note = (
        f"{_which(len(listed), measured)}; audit.csv has all columns and all that were opened. "
        "The misalignment is a mean length over reliable pixels; the first standard error is that "
        "mean's, the second that of the displacement at the worst corner."
    )
    names = tuple(anchors[row.id] for row in listed)
    return Table.of("Pairs, worst first", columns, rows, note, anchors=names)


def _which(listed: int, measured: int) -> str:
    """Which of the measured pairs a table has."""
    if listed < measured:
        return f"The {listed} most misaligned of {measured} measured pairs"
    if measured == 1:
        return "The one measured pair"
    return f"All {measured} measured pairs"
