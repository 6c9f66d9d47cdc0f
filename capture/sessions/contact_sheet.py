"""Contact sheet of a session: an HTML page, with a folder of pictures if there are many."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.capture.sessions.additions import session_additions
from defocus.capture.sessions.lines import VERDICT_WORDS
from defocus.capture.sessions.member import (
    ROLES,
    PairMember,
    Role,
    displacement_overlay,
    measured_similarity,
    read_member,
)
from defocus.capture.sessions.session import read_state
from defocus.capture.sessions.state import CompletePair, SessionState
from defocus.capture.sessions.view import list_pairs, pair_details, pair_entry
from defocus.cluster.dispatcher import each
from defocus.errors import DatasetError, ImageError
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.progress import counted, track
from defocus.reports.display import anchor
from defocus.reports.html import write_html
from defocus.reports.model import (
    Facts,
    Folded,
    Gallery,
    Page,
    Paragraph,
    Part,
    Slider,
    Table,
    Tile,
)
from defocus.reports.pictures import small_picture

WIDTH_PX = 640
"""Width of a picture, px; a pair then takes about 140 kB."""

INLINE_BYTES = 2_000_000
"""Bytes of pictures above which they go to a folder beside the page and are loaded when they are
looked at. Inside the page they would take a third more. A page has at most 3 MB for 1,000 pairs."""

NAMED = 20
"""Largest number of pairs with a remark that are listed above the table of all pairs."""

THUMBNAIL_PX = 352
"""Longer side of a thumbnail, which is shown at half its size: sharp on fine screens too."""

COLUMNS = ("Pair", "Scene", "Verdict", "Reason", "Notes")


def write_contact_sheet(session: Path, out: Path, where: Where = 1) -> Path | None:
    """Write the page of a session; return the folder of its pictures if they are many."""
    return write_html(contact_sheet(session, where), out, INLINE_BYTES)


def contact_sheet(session: Path, where: Where = 1) -> Page:
    """The page of a session, which is not changed; a damaged pair shows the reason instead."""
    state, _ = read_state(session)
    pairs = state.complete
    shown = each(partial(_pair, session.absolute()), pairs, where)
    ready = dict(track(shown, "contact sheet", len(pairs)))
    sheets = [_sheet(pair, ready[name]) for name, pair in sorted(pairs.items())]
    sections = _sections(state, sheets)
    return Page(
        title=f"Session {session.absolute().name}",
        notice="",
        sections=tuple((heading, parts) for heading, parts in sections if parts),
        summary=f"{_usable(state)}; begun {state.created[:16].replace('T', ' ')} UTC",
    )


def _sections(
    state: SessionState, sheets: list["PairSheet"]
) -> tuple[tuple[str, tuple[Part, ...]], ...]:
    """Headings and parts of the page, those without parts too."""
    added = [(one.heading, tuple(one.parts(state))) for one in session_additions()]
    return (
        ("All pairs", (*_missing(state), *_thumbnails(sheets), *_remarks(state))),
        *added,
        ("Pair by pair", tuple(sheet.folded for sheet in sheets)),
    )


@dataclass(frozen=True)
class PairSheet:
    """A pair on the page: its thumbnail, and its pictures and numbers behind a fold."""

    id: str
    verdict: str
    thumbnail: NDArray[np.uint8] | None
    folded: Folded


def _thumbnails(sheets: Sequence[PairSheet]) -> tuple[Gallery, ...]:
    """All pairs as small pictures with their verdicts; each leads to what is behind it."""
    tiles = []
    for sheet in sheets:
        if sheet.thumbnail is None:
            continue
        link = f"#{sheet.folded.anchor}"
        tiles.append(Tile(sheet.id, sheet.thumbnail, sheet.verdict, link))
    if not tiles:
        return ()
    return (Gallery("Pairs and their verdicts", tuple(tiles), smooth=True),)


def _usable(state: SessionState) -> str:
    """How many pairs can be used, in a sentence."""
    verdicts = Counter(pair.verdict for pair in state.complete.values())
    usable = verdicts["accept"] + verdicts["warn"]
    parts = [
        f"{len(state.complete)} of {counted(len(state.planned), 'planned pair')} shot"
    ]
    parts.append(f"{usable} can be used")
    if verdicts["warn"]:
        parts[-1] += f", {verdicts['warn']} of them after a look"
    if verdicts["reject"]:
        parts.append(f"{verdicts['reject']} rejected")
    return "; ".join(parts)


def _missing(state: SessionState) -> tuple[Facts, ...]:
    """Scenes that were planned and are not shot, and what is wrong with pairs."""
    pairs = list_pairs(state)
    missing = [pair["title"] for pair in pairs if pair["verdict"] == "incomplete"]
    wrong = []
    for verdict in ("reject", "warn"):
        for pair in pairs:
            if pair["verdict"] == verdict:
                name = f"{VERDICT_WORDS[verdict]}: {pair['id']}"
                wrong.append((name, pair["reason"]))
    facts = [("missing", ", ".join(dict.fromkeys(missing)))] if missing else []
    facts += wrong[:NAMED]
    if len(wrong) > NAMED:
        facts.append(("more", f"{len(wrong) - NAMED} pairs in the table below"))
    return (Facts("Missing, rejected and warned", tuple(facts)),) if facts else ()


def _remarks(state: SessionState) -> tuple[Table, ...]:
    """Reasons of verdicts and notes of people, for pairs that have some, and pairs not shot."""
    rows = []
    for pair in list_pairs(state):
        notes = "; ".join(filter(None, (pair["note"], pair["scene_note"])))
        if notes or pair["reason"]:
            verdict = VERDICT_WORDS[pair["verdict"]]
            rows.append((pair["id"], pair["title"], verdict, pair["reason"], notes))
    return (Table.of("Remarks", COLUMNS, rows, stacked=True),) if rows else ()


def _pair(session: Path, pair: CompletePair) -> PairSheet:
    """The page's parts on a pair."""
    try:
        members = {role: read_member(session, pair, role, WIDTH_PX) for role in ROLES}
        details = pair_details(session, pair)
        slider = _slider(session, pair, members)
    except (DatasetError, ImageError) as error:
        return _unshown(pair, str(error))
    settings = tuple((str(role), str(said)) for role, said in details["settings"])
    numbers = tuple((label, said) for label, said, _ in details["numbers"])
    parts = (
        _verdict(pair),
        slider,
        Facts("Measured", numbers),
        Facts("Settings", settings),
    )
    thumbnail = small_picture(members["sharp"].picture, THUMBNAIL_PX, THUMBNAIL_PX)
    words = line = VERDICT_WORDS[pair.verdict]
    if pair.verdict != "accept" and pair.reason:
        line = f"{words}: {pair.reason}"
    return PairSheet(
        pair.id, words, thumbnail, Folded(pair.id, anchor("pair", pair.id), parts, line)
    )


def _sheet(pair: CompletePair, result: PairSheet | LeftOut) -> PairSheet:
    """The page's parts on a pair, or why there are none."""
    return _unshown(pair, result.reason) if isinstance(result, LeftOut) else result


def _unshown(pair: CompletePair, reason: str) -> PairSheet:
    """A pair whose pictures cannot be shown, with the reason."""
    parts: tuple[Part, ...] = (_verdict(pair), Paragraph(f"not shown: {reason}"))
    fold = Folded(pair.id, anchor("pair", pair.id), parts, "not shown")
    return PairSheet(pair.id, VERDICT_WORDS[pair.verdict], None, fold)


def _verdict(pair: CompletePair) -> Paragraph:
    """The verdict on a pair, with its reason."""
    return Paragraph(
        ": ".join(filter(None, (VERDICT_WORDS[pair.verdict], pair.reason)))
    )


def _slider(
    session: Path, pair: CompletePair, members: Mapping[Role, PairMember]
) -> Slider:
    model = measured_similarity(pair_entry(session, pair))
    blurry = members["blurry"]
    height, width = blurry.picture.shape[:2]
    overlay = (
        displacement_overlay(model, (height, width), blurry.pixels) if model else None
    )
    states = tuple((role, member.picture) for role, member in members.items())
    return Slider(f"{pair.id}, blurry and sharp", states, overlay)
