"""Contact sheet of a session: one self-contained HTML page."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

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
from defocus.errors import DatasetError, ImageError
from defocus.files import write_text
from defocus.processes import in_processes
from defocus.progress import counted, track
from defocus.reports.html import render_html
from defocus.reports.model import Facts, Link, Page, Paragraph, Part, Slider, Table

WIDTH_PX = 640
"""Of a picture: a hundred pairs then make a page of some 20 MB."""

NAMED = 20
"""Pairs with a remark that are above the table of all."""

COLUMNS = ("Pair", "Scene", "Verdict", "Reason", "Notes")


def write_contact_sheet(session: Path, out: Path, jobs: int = 1) -> None:
    """Write the page of a session as one HTML file."""
    write_text(out, render_html(contact_sheet(session, jobs)))


def contact_sheet(session: Path, jobs: int = 1) -> Page:
    """The page of a session, which is not changed; a damaged pair shows the reason instead."""
    state, _ = read_state(session)
    pairs = [pair for _, pair in sorted(state.complete.items())]
    shown = in_processes(partial(_section, session), pairs, jobs)
    sections = tuple(sorted(track(shown, "contact sheet", len(pairs)), key=lambda one: one[0]))
    added = ((one.heading, tuple(one.parts(state))) for one in session_additions())
    over_time = tuple((heading, parts) for heading, parts in added if parts)
    places = {pair: f"#section-{n}" for n, (pair, _) in enumerate(sections, 2 + len(over_time))}
    begun = state.created[:16].replace("T", " ")
    return Page(
        title=f"Session {session.absolute().name}",
        notice="",
        sections=(
            ("All pairs", (*_missing(state), _overview(state, places))),
            *over_time,
            *sections,
        ),
        in_menu=1 + len(over_time),
        summary=f"{_usable(state)}; begun {begun} UTC",
    )


def _usable(state: SessionState) -> str:
    """How many pairs can be used, in a sentence."""
    verdicts = Counter(pair.verdict for pair in state.complete.values())
    usable = verdicts["accept"] + verdicts["warn"]
    parts = [f"{len(state.complete)} of {counted(len(state.planned), 'planned pair')} shot"]
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
    wrong = [
        (f"{VERDICT_WORDS[pair['verdict']]}: {pair['id']}", pair["reason"])
        for verdict in ("reject", "warn")
        for pair in pairs
        if pair["verdict"] == verdict
    ]
    facts = [("missing", ", ".join(dict.fromkeys(missing)))] if missing else []
    facts += wrong[:NAMED]
    if len(wrong) > NAMED:
        facts.append(("more", f"{len(wrong) - NAMED} pairs in the table below"))
    return (Facts("Missing, rejected and warned", tuple(facts)),) if facts else ()


def _overview(state: SessionState, places: Mapping[str, str]) -> Table:
    """All pairs; each leads to its section, because a menu of hundreds would fill the screen."""
    rows = tuple(
        (
            Link(pair["id"], places[pair["id"]]) if pair["id"] in places else pair["id"],
            pair["title"],
            VERDICT_WORDS[pair["verdict"]],
            pair["reason"],
            "; ".join(filter(None, (pair["note"], pair["scene_note"]))),
        )
        for pair in list_pairs(state)
    )
    return Table.of("Verdicts", COLUMNS, rows, stacked=True)


def _section(session: Path, pair: CompletePair) -> tuple[str, tuple[Part, ...]]:
    """What the page has of a pair, with its id."""
    verdict = Paragraph(": ".join(filter(None, (VERDICT_WORDS[pair.verdict], pair.reason))))
    try:
        members = {role: read_member(session, pair, role, WIDTH_PX) for role in ROLES}
        details = pair_details(session, pair)
        slider = _slider(session, pair, members)
    except (DatasetError, ImageError) as error:
        return pair.id, (verdict, Paragraph(f"not shown: {error}"))
    settings = tuple((str(role), str(words)) for role, words in details["settings"])
    numbers = tuple((label, words) for label, words, _ in details["numbers"])
    return pair.id, (verdict, slider, Facts("Measured", numbers), Facts("Settings", settings))


def _slider(session: Path, pair: CompletePair, members: Mapping[Role, PairMember]) -> Slider:
    model, blurry = measured_similarity(pair_entry(session, pair)), members["blurry"]
    height, width = blurry.picture.shape[:2]
    overlay = displacement_overlay(model, (height, width), blurry.pixels) if model else None
    states = tuple((role, member.picture) for role, member in members.items())
    return Slider(f"{pair.id}, blurry and sharp", states, overlay)
