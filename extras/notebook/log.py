"""Log of a session for the notebook of a lab: pairs and test charts by day; PDF, HTML or CSV."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from defocus.capture.sessions.additions import ShotWords, session_additions
from defocus.capture.sessions.journal import read_journal
from defocus.capture.sessions.lines import VERDICT_WORDS
from defocus.capture.sessions.session import JOURNAL, read_state
from defocus.capture.sessions.state import AddedShot, CompletePair, SessionState
from defocus.capture.sessions.view import (
    list_pairs,
    pair_details,
    pair_entry,
    settings_text,
)
from defocus.errors import DatasetError, InputError
from defocus.pictures.metadata import Exif
from defocus.processes.isolation import LeftOut, left_out_by
from defocus.progress import counted, several
from defocus.reports.display import csv_text
from defocus.reports.html import render_html
from defocus.reports.model import Facts, Page, Part, Table
from defocus.storage.files import remove_unfinished, write_bytes, write_text

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""First character of a CSV file. Without it Excel does not read UTF-8: ``Büro``."""


@dataclass(frozen=True)
class LogRow:
    """A pair or a test chart in the log; text is empty where it is unknown."""

    done: datetime | None  # in this computer's time zone, or by the camera's clock
    pair: str
    scene: str = ""  # its scene, as typed; empty for a chart
    verdict: str = ""  # the present one; empty for a chart
    reason: str = ""
    retakes: str = ""
    blurry: str = ""
    sharp: str = ""
    note: str = ""
    scene_note: str = ""
    measured: str = ""
    camera: str = ""
    lens: str = ""
    by: str = ""

    @property
    def day(self) -> str:
        """Day, ``2026-05-04``."""
        return "" if self.done is None else f"{self.done:%Y-%m-%d}"

    @property
    def time(self) -> str:
        """Time of that day, ``13:02``."""
        return "" if self.done is None else f"{self.done:%H:%M}"


def read_log(session: Path) -> list[LogRow]:
    """The log of a session, pairs and then charts by their numbers; nothing is changed."""
    return _read(session)[0]


def _read(session: Path) -> tuple[list[LogRow], list[LeftOut]]:
    """The log, and the pairs whose document cannot be read: they have no camera and no settings."""
    state, _ = read_state(session)
    times = _last_tries(session)
    rows = []
    unread = []
    for pair in list_pairs(state):
        name = pair["id"]
        complete = state.complete.get(name)
        try:
            entry = {} if complete is None else _entry(session, complete)
        except DatasetError as error:
            entry = {}
            unread.append(left_out_by(name, error))
        rows.append(_pair_row(state, pair, entry, times.get(name)))
    words = _shot_words(state)
    for _, added in sorted(state.added.items()):
        rows.append(_added_row(added, words))
    return rows, unread


def _pair_row(
    state: SessionState,
    pair: Mapping[str, Any],
    entry: Mapping[str, Any],
    judged_at: datetime | None,
) -> LogRow:
    """The row of a pair; ``entry`` has the facts from its document, none if it has no document."""
    name = pair["id"]
    settings = entry.get("settings", {})
    camera = entry.get("camera") or {}
    shoot = state.shoots[state.planned[name].shoot]
    taken = entry.get("taken") if shoot.imported is not None else None
    is_judged = name in state.judged
    return LogRow(
        done=taken or judged_at,
        pair=name,
        scene=pair["title"],
        verdict=pair["verdict"],
        reason=pair["reason"],
        retakes=str(state.retakes[name] or ""),
        blurry=settings.get("blurry", ""),
        sharp=settings.get("sharp", ""),
        note=pair["note"],
        scene_note=pair["scene_note"],
        measured=str(entry.get("reason", "")) if is_judged else "",
        camera=str(camera.get("model") or ""),
        lens=str(camera.get("lens") or ""),
        by=shoot.handling.by,
    )


def _last_tries(session: Path) -> dict[str, datetime]:
    """When each pair was last taken; imports have no line for the shots alone."""
    # of the last try; imports have no line for the shots alone
    records = read_journal(session / JOURNAL).records
    times = {}
    for event in ("pair-complete", "pair-shot"):
        for record in records:
            if record["event"] == event:
                time = datetime.fromisoformat(record["time"])
                times[record["pair"]] = time.astimezone()
    return times


def _shot_words(state: SessionState) -> dict[str, ShotWords]:
    words: dict[str, ShotWords] = {}
    for addition in session_additions():
        words |= addition.words(state)
    return words


def _added_row(added: AddedShot, words_of: Mapping[str, ShotWords]) -> LogRow:
    shot = added.shot
    exposure = shot.exposure
    words = {
        "aperture": exposure.aperture,
        "shutter": exposure.shutter,
        "iso": exposure.iso,
    }
    settings = settings_text(
        {name: word for name, word in words.items() if word is not None}
    )
    return LogRow(
        done=datetime.fromisoformat(shot.time).astimezone(),
        pair=added.id,
        reason=words_of[added.id].whole if added.id in words_of else "",
        blurry=settings,
    )


def _entry(session: Path, pair: CompletePair) -> dict[str, Any]:
    """Facts from a pair's document."""
    entry = pair_entry(session, pair)
    settings = dict(pair_details(session, pair)["settings"])
    return {
        **entry,
        "settings": settings,
        "taken": _taken(entry["roles"]),
    }


def _taken(roles: Mapping[str, Any]) -> datetime | None:
    """When the first shot of a pair was taken, by the camera's clock, which has no time zone."""
    times = []
    for role in roles.values():
        with contextlib.suppress(TypeError, KeyError, OSError, OverflowError):
            if (moment := Exif(taken=role["exif"]["taken"]).moment) is not None:
                times.append(moment.astimezone())
    return min(times, default=None)


def write_log(session: Path, out: Path, by: str = "") -> tuple[LeftOut, ...]:
    """Write the log of a session to ``.pdf``, ``.html`` or ``.csv``; ``by`` fills in who shot.

    Returns the pairs whose document cannot be read: the log has only their verdict."""
    suffix = out.suffix.lower()
    if suffix not in (".pdf", ".html", ".csv"):
        raise InputError(f"{out}: give a name that ends in .pdf, .html or .csv")
    read, unread = _read(session)
    rows = [replace(row, by=row.by or by) for row in read]
    remove_unfinished(out.parent, [out.name])
    state, _ = read_state(session)
    if suffix == ".csv":
        write_text(out, BYTE_ORDER_MARK + _csv(rows))
    elif suffix == ".html":
        write_text(out, render_html(_page(session, rows, state)))
    else:
        from defocus.reports.pdf import render_pdf  # slow to import

        write_bytes(out, render_pdf(_page(session, rows, state)))
    return tuple(unread)


def _csv(rows: Sequence[LogRow]) -> str:
    """The log as CSV, with day and time in place of the moment."""
    names = [one.name for one in fields(LogRow) if one.name != "done"]
    value_of = attrgetter("day", "time", *names)
    cells = [list(value_of(row)) for row in rows]
    return csv_text([["day", "time", *names], *cells])


def _added(state: SessionState) -> list[tuple[str, tuple[Part, ...]]]:
    """The tables of extras' measurements, if there are any."""
    tables = []
    for addition in session_additions():
        parts = tuple(addition.log_parts(state))
        if parts:
            tables.append((addition.log_heading, parts))
    return tables


def _with_short_reasons(rows: Sequence[LogRow], state: SessionState) -> list[LogRow]:
    words = _shot_words(state)
    shown = list(rows)
    for number, row in enumerate(rows):
        if row.pair in words:
            shown[number] = replace(row, reason=words[row.pair].short)
    return shown


def _page(session: Path, rows: Sequence[LogRow], state: SessionState) -> Page:
    """The log as a page: what extras measured is a table here, and a sentence in CSV."""
    rows = _with_short_reasons(rows, state)
    taken = sorted((row for row in rows if row.done), key=attrgetter("done"))
    days = [(day, list(group)) for day, group in groupby(taken, key=attrgetter("day"))]
    summary = f"{_counts(taken)} on {counted(len(days), 'day')}"
    if missing := [row.scene for row in rows if not row.done]:
        summary += f"; missing, {len(missing)} planned: {several(missing)}"
    return Page(
        title=f"Log of session {session.absolute().name}",
        notice="",
        sections=(
            ("Session", (_facts(rows),)),
            *((day, (_table(group),)) for day, group in days),
            *_added(state),
        ),
        summary=summary,
    )


def _facts(rows: Sequence[LogRow]) -> Facts:
    """Who shot, and with what."""
    facts = []
    for label, values in (
        ("by", [row.by for row in rows if row.verdict] or [row.by for row in rows]),
        ("camera", [row.camera for row in rows]),
        ("lens", [row.lens for row in rows]),
    ):
        numbers = Counter(value for value in values if value)
        if label == "by" and not numbers:
            continue
        names = list(numbers)
        if len(names) > 1:
            by_number = numbers.most_common()
            names = [f"{name} ({counted(n, 'pair')})" for name, n in by_number]
        facts.append((label, ", ".join(names) or "not recorded"))
    return Facts("Shot by and with", tuple(facts))


def _counts(rows: Sequence[LogRow]) -> str:
    pairs = 0
    verdicts = []
    for verdict, said in VERDICT_WORDS.items():
        number = sum(row.verdict == verdict for row in rows)
        pairs += number
        if number:
            verdicts.append(f"{number} {said}")
    words = "no pair"
    if verdicts:
        words = f"{counted(pairs, 'pair')} ({', '.join(verdicts)})"
    charts = len(rows) - pairs
    if charts:
        words += f" and {counted(charts, 'test chart')}"
    return words


def _judged(row: LogRow) -> str:
    again = f"{counted(int(row.retakes), 'retake')}" if row.retakes else ""
    return ", ".join(filter(None, (VERDICT_WORDS.get(row.verdict, ""), again)))


def _unbroken(settings: str) -> str:
    """Settings whose numbers keep their units on the line, as ``1/4 s``."""
    each = settings.split(", ")
    return ", ".join(one.replace(" ", "\N{NO-BREAK SPACE}") for one in each)


# The first column is on every part of a table that is too wide for the paper
COLUMNS = ("Pair", "Time", "Scene", "Verdict", "Blurry and sharp", "Notes")


def _table(rows: Sequence[LogRow]) -> Table:
    scenes = {row.scene for row in rows if row.verdict}
    cells = []
    for row in rows:
        judged = ": ".join(filter(None, (_judged(row), row.reason)))
        if row.measured:
            judged += f" (measured: {row.measured})"
        settings = filter(None, (row.blurry, row.sharp))
        shot = "; ".join(map(_unbroken, settings))
        notes = "; ".join(filter(None, (row.note, row.scene_note)))
        cells.append((row.pair, row.time, row.scene, judged, shot, notes))
    span = f"{rows[0].time} to {rows[-1].time}"
    caption = f"{span}: {_counts(rows)}"
    if scenes:
        caption += f", {counted(len(scenes), 'scene')}"
    return Table.of(caption, COLUMNS, cells, stacked=True)
