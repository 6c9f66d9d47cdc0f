"""Studies below a folder, and the contents of their pages."""

import contextlib
import csv
import hashlib
import io
import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from defocus.benchmark.documents.page import build_page
from defocus.benchmark.documents.section_registry import needed_files
from defocus.benchmark.leaderboard.lines import TRUE_BLUR, protocol_place
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.lock import is_locked
from defocus.benchmark.results.store import STORE, Entry, read_results
from defocus.benchmark.study.standing import (
    RunStanding,
    place_of,
    standing_of,
    stored_entries,
)
from defocus.errors import DefocusError, InputError
from defocus.progress import counted, span
from defocus.reading import read_bytes
from defocus.reports.display import anchor, shown_difference
from defocus.reports.html import render_served
from defocus.reports.model import Folded, Link, Page, Paragraph, Part, Table
from defocus.training.record.curve_files import seconds_per_step
from defocus.training.record.folder import CURVE

FINISHED = "finished"
"""State of a run that has its result."""

ENDED = frozenset({FINISHED, "failed", "not-applicable"})
"""States of runs that have ended."""

FOLLOWS = "This page follows the runs while it is open."

TIME_LEFT = (
    "The time left is that of the steps to come, at the pace of those that are done, one run after "
    "another; restoring and scoring come on top."
)

DEPTH = 3
"""Largest number of folders between a study and the folder that is served."""


@dataclass
class ServedStudy:
    """A served study; its page is made again when its results change."""

    path: Path  # folder of the study
    name: str  # path of the folder relative to the served folder
    page: str = ""
    # pictures of that page, by name
    pictures: dict[str, bytes] = field(default_factory=dict)
    _stamp: str = ""
    _busy: threading.Lock = field(default_factory=threading.Lock)
    _entries: dict[Path, tuple[str, Mapping[str, Entry]]] = field(default_factory=dict)
    _paces: dict[Path, tuple[str, float | None]] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The part of the address that names the study."""
        return anchor("study", self.name)

    def stamp(self) -> str:
        """Changes when the results change."""
        return _stamp(
            self.path,
            STORE,
            f"{STORE}-wal",
            "study.json",
            *_needed(self.path),
        )

    def standings(self) -> list[RunStanding]:
        """The states of its runs; empty if the study has no record of its request."""
        path = self.path / "study.json"
        if not path.is_file():
            return []
        return standing_of(self.path, entries_of=self._entries_of)

    def _entries_of(self, folder: Path) -> Mapping[str, Entry]:
        """The entries of a store, which is read only when it has changed."""
        stamp = _stamp(folder, STORE, f"{STORE}-wal")
        entries = self._entries.get(folder)
        if entries is None or entries[0] != stamp:
            entries = (stamp, stored_entries(folder))
            self._entries[folder] = entries
        return entries[1]

    def seconds_left(self, standings: list[RunStanding]) -> dict[str, float | None]:
        """Seconds that each run still trains, by run; None where nothing has been timed."""
        # A run that has not begun takes as long as another one of its system, of another seed.
        paces = {}
        of_system = {}
        for one in standings:
            pace = self._pace(one.run) if one.steps else None
            if pace:
                paces[one.run] = pace
                of_system[one.system] = pace
        left: dict[str, float | None] = {}
        for one in standings:
            pace = paces.get(one.run) or of_system.get(one.system)
            if one.state in ENDED:
                left[one.run] = 0.0
            elif one.steps is None or pace is None:
                left[one.run] = None
            else:
                left[one.run] = (one.steps - (one.step or 0)) * pace
        return left

    def _pace(self, run: str) -> float | None:
        """Seconds of a step of a run; its curve is read only when it has changed."""
        folder = place_of(self.path, run)
        stamp = _stamp(folder, CURVE)
        pace = self._paces.get(folder)
        if pace is None or pace[0] != stamp:
            pace = (stamp, seconds_per_step(folder / CURVE))
            self._paces[folder] = pace
        return pace[1]

    def document(self) -> str:
        """The page of the study."""
        with self._busy:
            stamp = self.stamp()
            if stamp != self._stamp:
                self.page, self.pictures = render_served(self._page())
                self._stamp = stamp
            return self.page

    def _page(self) -> Page:
        with read_results(self.path / STORE) as results:
            page = build_page(self.path, results, leaderboard(results))
        standings = self.standings()
        runs = ("Runs", _runs(standings, self.seconds_left(standings)))
        sections = (runs, *page.sections) if standings else page.sections
        return replace(page, title=self.name, sections=sections)

    def live(self) -> dict[str, Any]:
        """Answer to an open page: whether it is outdated, and the progress of the runs."""
        standings = self.standings()
        left = self.seconds_left(standings)
        rows = []
        for one in standings:
            state = _state(one, left[one.run])
            rows.append([anchor("run", one.run), *state])
        return {
            "stamp": self.stamp(),
            "rows": rows,
            "said": _said(standings, self.path),
        }


def _needed(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in needed_files(folder)]


def _stamp(folder: Path, *names: str) -> str:
    """A value that changes when one of these files of a folder changes, appears or disappears."""
    facts = []
    for name in names:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            status = (folder / name).stat()
            facts.append((name, status.st_ino, status.st_size, status.st_mtime_ns))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class FoundStudies:
    """Studies below the served folder."""

    studies: list[ServedStudy]
    unreadable: tuple[str, ...] = ()  # folders that could not be read, with reasons


def find_studies(root: Path) -> FoundStudies:
    """Find the studies in a folder and below it; links are not followed."""
    if not root.is_dir():
        raise InputError(
            f"{root}: no such folder; give the folder of one or more studies"
        )
    places: list[Path] = []
    unreadable: list[str] = []
    folders = [root]
    for depth in range(DEPTH + 1):
        below: list[Path] = []
        for folder in folders:
            try:
                if (folder / STORE).is_file():
                    _refuse_links(folder)
                    places.append(folder)
                elif depth < DEPTH:
                    below += filter(_is_own_folder, sorted(folder.iterdir()))
            except OSError as error:  # one closed folder hides no other
                unreadable.append(f"{folder}: {error.strerror}")
            except InputError as error:
                unreadable.append(str(error))
        folders = below
    if not places:
        said = "".join(f"; {line}" for line in unreadable)
        raise InputError(
            f"{root}: no study in it or up to {DEPTH} folders below{said}; "
            "give the folder above --out of a run"
        )
    studies = [_served(path, root.resolve()) for path in places]
    return FoundStudies(studies, tuple(unreadable))


def _served(path: Path, top: Path) -> ServedStudy:
    """A study by its place below the folder; that at the folder itself by the folder's name."""
    name = path.resolve().relative_to(top)
    return ServedStudy(path, str(name) if name.parts else top.name)


def _refuse_links(folder: Path) -> None:
    """Refuse a study with a part elsewhere: who made the folder must not choose what is served."""
    for name in (STORE, f"{STORE}-wal", "study.json", "request.json", "runs"):
        if (folder / name).is_symlink():
            raise InputError(
                f"{folder / name}: a link, which is not served; replace it"
            )


def _is_own_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def index_page(root: Path, listing: FoundStudies) -> Page:
    """The page with links to every study and a list of unreadable folders."""
    columns = ("Study", "Best gain", "State", "Progress", "Time left", "Last change")
    rows = []
    for study in listing.studies:
        link = Link(study.name, f"studies/{study.place}/report.html")
        rows.append((link, *_line(study)))
    anchors = tuple(study.place for study in listing.studies)
    words = "Read-only: nothing here changes a study."
    table = Table.of(words, columns, rows, TIME_LEFT, anchors=anchors, stacked=True)
    closed = [Paragraph(f"Not looked into: {line}") for line in listing.unreadable]
    name = root.resolve().name
    return Page(f"Studies in {name}", "", ((_many(listing), (table, *closed)),))


def _line(study: ServedStudy) -> tuple[str, str, str, str, str]:
    """Best gain, state, progress, time left and last change of a study."""
    try:
        standings = study.standings()
        left = study.seconds_left(standings)
        gain = best_gain(study.path / "leaderboard.csv")
        changed = (study.path / STORE).stat().st_mtime
    except (
        DefocusError,
        OSError,
    ) as error:  # one damaged or closed study hides no other
        return "n/a", f"cannot be read: {error}", "n/a", "n/a", "n/a"
    finished = sum(one.state == FINISHED for one in standings)
    progress = f"{finished} of {counted(len(standings), 'run')}" if standings else "n/a"
    state = _said(standings, study.path)
    when = f"{datetime.fromtimestamp(changed, UTC):%Y-%m-%d %H:%M} UTC"
    return gain, state, progress, time_left(left.values()), when


def time_left(seconds: Iterable[float | None]) -> str:
    """How long all runs still train, in words; a lower limit where some were not timed."""
    every = list(seconds)
    known = [one for one in every if one]
    is_open = None in every
    if not known:
        return "n/a" if is_open or not every else "none"
    total = span(math.fsum(known))
    return f"at least {total}" if is_open else total


def best_gain(board: Path) -> str:
    """The largest gain in a study's leaderboard, against what its report compares with first."""
    if not board.is_file():
        return "none yet"
    text = read_bytes(board).decode("utf-8")
    by_place: dict[tuple[bool, bool, int, str], list[dict[str, str]]] = defaultdict(
        list
    )
    for row in csv.DictReader(io.StringIO(text)):
        if row["metric"] != "psnr" or not row["gain"]:
            continue
        if row["reconstruction"] == "0" and TRUE_BLUR not in row["input"]:
            place = protocol_place(row["profile"], row["protocol"])
            by_place[place].append(row)
    if not by_place:
        return "none yet"
    first = by_place[min(by_place)]
    best = max(first, key=lambda row: float(row["gain"]))
    value = float(best["value"])
    gain = float(best["gain"])
    shown_gain = shown_difference(value, value - gain, 2, gain)
    return f"{shown_gain:+.2f} dB, {best['system']}"


def index_live(listing: FoundStudies) -> dict[str, Any]:
    """Answer to an open index page, which is outdated when a study appears or disappears."""
    rows = [[study.place, *_line(study)] for study in listing.studies]
    places = [study.place for study in listing.studies]
    shown = repr((places, listing.unreadable))
    stamp = hashlib.sha256(shown.encode()).hexdigest()[:16]
    return {
        "stamp": stamp,
        "rows": rows,
        "said": FOLLOWS,
    }


def _many(listing: FoundStudies) -> str:
    """How many studies there are."""
    number = len(listing.studies)
    return "1 study" if number == 1 else f"{number} studies"


def _runs(
    standings: list[RunStanding], left: Mapping[str, float | None]
) -> tuple[Part, ...]:
    """The unfinished runs, and the others folded, because they no longer change."""
    finished = [one for one in standings if one.state == FINISHED]
    others = [one for one in standings if one.state != FINISHED]
    parts: list[Part] = []
    if others:
        parts.append(_runs_table("Where the runs stand", others, left))
    if finished:
        table = _runs_table("Runs that are finished", finished, left)
        many = counted(len(finished), "run")
        parts.append(Folded("Finished", anchor("runs", FINISHED), (table,), many))
    return tuple(parts)


def _runs_table(
    caption: str, standings: list[RunStanding], left: Mapping[str, float | None]
) -> Table:
    columns = ("Run", "Dataset", "State", "Step", "Time left", "Reason")
    rows = []
    for one in standings:
        state = _state(one, left[one.run])
        rows.append((one.run, one.dataset, *state))
    anchors = tuple(anchor("run", one.run) for one in standings)
    return Table.of(caption, columns, rows, TIME_LEFT, anchors=anchors)


def _state(one: RunStanding, left: float | None) -> tuple[str, str, str, str]:
    step = f"{one.step or 0} of {one.steps}" if one.steps else "n/a"
    return one.state, step, time_left([left]), one.reason or "n/a"


def _said(standings: list[RunStanding], path: Path) -> str:
    counts = Counter(one.state for one in standings)
    states = [f"{number} {state}" for state, number in counts.items()]
    work = "a process works here" if is_locked(path) else "no process works here"
    return ", ".join([*states, work])
