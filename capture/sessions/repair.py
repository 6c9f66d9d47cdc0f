"""Rebuild a damaged journal, which is kept, from its copies and the session's other files."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from defocus.capture.sessions.additions import line_kinds
from defocus.capture.sessions.journal import (
    COPIES,
    Record,
    copies_of,
    decode_line,
    encode_record,
)
from defocus.capture.sessions.lines import VERDICT_WORDS, AddedLine, AddedShotLine
from defocus.capture.sessions.replay import read_line, replay
from defocus.capture.sessions.session import INDEX, read_document
from defocus.capture.sessions.state import file_path, is_file_name
from defocus.errors import DatasetError, FileError
from defocus.progress import counted
from defocus.reading import MOST_BYTES, Json, read_bytes, read_text
from defocus.storage.files import make_folder, sha256_file, storing, write_bytes

Line = Mapping[str, Any]
"""A line of a journal, or the part of it that another document has."""


def copy_journal(root: Path, journal: Path, turn: int) -> None:
    """Copy the journal over one of its copies; ``turn`` grows by one, the other is left alone."""
    copy = root / COPIES[turn % len(COPIES)]
    make_folder(copy.parent)
    write_bytes(copy, journal.read_bytes())


_CHECKSUM = re.compile(r"([0-9a-f]{64})  pairs/([0-9]{4,6}_[a-z0-9-]{1,64})/(.+)")

_IN_WORDS: Mapping[str, str] = {
    "session-created": "the beginning of the session",
    "planned": "a plan of pairs",
    "pair-started": "the beginning of a pair",
    "file": "a file",
    "pair-shot": "the end of the shots of a pair",
    "pair-set-aside": "files set aside",
    "file-restored": "a file fetched again",
    "retake": "a retake",
    "retry": "a shot tried again",
    "deleted-on-card": "a file deleted on the card",
    "pair-complete": "the verdict on a pair",
    "judged": "a person's decision on a pair",
    "note": "a person's note",
}
"""Words for what a line of the journal is about; an addition has those of its own lines."""


@dataclass
class _Rebuilt:
    """Lines of the new journal, and what was done, line by line."""

    records: list[Record] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def planned(self) -> set[str]:
        planned = set[str]()
        for plan in self.of_event("planned"):
            planned.update(str(entry["id"]) for entry in plan["pairs"])
        return planned

    def of_event(self, event: str) -> list[Record]:
        """The lines about one kind of event."""
        return [record for record in self.records if record["event"] == event]

    def without_events(self, *events: str) -> list[Record]:
        """The lines about all other kinds of events."""
        return [record for record in self.records if record["event"] not in events]


def rebuild_journal(root: Path, journal: Path) -> list[str]:
    """Repair a journal under the caller's lock, keep the damaged one; return what was done."""
    records = list(map(decode_line, _lines(journal)[:-1]))
    if records and all(
        record and record.get("n") == n for n, record in enumerate(records, 1)
    ):
        return []  # a torn end is not damage: opening the session leaves it out
    rebuilt = _from_copies(root, records)
    index = read_document(root / INDEX)
    _restore_plan(rebuilt, index)
    _restore_verdicts(root, rebuilt, index)
    _restore_notes(rebuilt, index)
    _restore_added(rebuilt, index)
    numbered = [
        {**record, "n": number} for number, record in enumerate(rebuilt.records, 1)
    ]
    replay(numbered, journal)
    kept = _kept_name(journal)
    with storing(journal):
        journal.rename(kept)
    write_bytes(journal, b"".join(map(encode_record, numbered)))
    for turn in range(len(COPIES)):  # their lines may have other numbers now
        copy_journal(root, journal, turn)
    return [*rebuilt.log, f"the damaged journal is kept as {kept.name}"]


def _lines(path: Path) -> list[bytes]:
    try:
        return read_bytes(path, MOST_BYTES).split(b"\n")
    except (OSError, FileError) as error:
        raise DatasetError(
            f"{path}: cannot be read ({error}); is it a session folder?"
        ) from error


def _kept_name(journal: Path) -> Path:
    number = 1
    while (kept := journal.with_name(f"journal.damaged-{number}.jsonl")).exists():
        number += 1
    return kept


def _from_copies(root: Path, records: Sequence[Line | None]) -> _Rebuilt:
    """Every line that the journal or a copy has, in their order."""
    own = {record["n"]: record for record in records if record and _usable(record)}
    copied: dict[int, Line] = {}
    for copy in copies_of(root):
        for line in map(decode_line, _lines(copy)[:-1]):
            if line and _usable(line):
                copied.setdefault(line["n"], line)
    rebuilt = _Rebuilt()
    for number in range(1, max([len(records), *copied], default=0) + 1):
        record = own.get(number) or copied.get(number)
        if record is None:
            rebuilt.log.append(f"line {number}: damaged, and in no copy")
            continue
        if number not in own:
            rebuilt.log.append(f"line {number}: {_in_words(record)}, taken from a copy")
        rebuilt.records.append(record)
    return rebuilt


def _in_words(record: Line) -> str:
    """The subject of a line in words, such as ``the verdict on a pair (0001_desk)``."""
    event = record["event"]
    what = _IN_WORDS.get(event, "a remark")
    if added := line_kinds().get(event):
        what = added.words
    owner = record.get("pair") or record.get("about") or record.get("scene")
    return f"{what} ({owner})" if owner else what


def _usable(record: Line) -> bool:
    """Whether a line has a number and is valid."""
    try:
        read_line(record)
    except ValueError:
        return False
    return isinstance(record.get("n"), int) and record["n"] > 0


def _restore_plan(rebuilt: _Rebuilt, index: Line) -> None:
    """Make the first line and the plans again from ``session.json`` where they are lost."""
    first = rebuilt.of_event("session-created")
    lost = set(index.get("pairs", {})) - rebuilt.planned()
    if first and not lost:
        return
    try:
        if not first:
            fields = {name: index[name] for name in ("schema", "id", "software")}
            first = [{"event": "session-created", "time": index["created"], **fields}]
            rebuilt.log.append("the session's first line: made from session.json")
        plans = rebuilt.of_event("planned")
        if lost:
            plans = _plans(index)
            rebuilt.log.append(
                f"the plan of {counted(len(lost), 'pair')}: made from session.json"
            )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"the journal is damaged, and session.json lacks {error}, which would replace it; "
            "restore the session from a copy"
        ) from error
    others = rebuilt.without_events("session-created", "planned")
    rebuilt.records = [*first, *plans, *others]


def _plans(index: Line) -> list[Record]:
    """The ``planned`` lines of a session, one per series of shoots."""
    plans: list[Record] = []
    numbers = range(len(index["series"]))
    for first, group in groupby(numbers, key=index["series"].__getitem__):
        shoots = list(group)
        pairs = [pair for pair in index["planned"] if pair["shoot"] in shoots]
        plans.append(
            {
                "event": "planned",
                "time": index["created"],
                "shoots": [index["shoots"][number] for number in shoots],
                "pairs": [{**pair, "shoot": pair["shoot"] - first} for pair in pairs],
            }
        )
    return plans


def _restore_verdicts(root: Path, rebuilt: _Rebuilt, index: Line) -> None:
    """Complete pairs whose line is lost, if every file is as it was; keep people's verdicts."""
    time = index.get("created", "")
    complete = rebuilt.of_event("pair-complete")
    verdicts = {record["pair"]: record["verdict"] for record in complete}
    restored: list[Record] = []
    for line in _completed_again(root, rebuilt, verdicts):
        restored.append({"time": time, **line})
        verdicts[line["pair"]] = line["verdict"]
    judged = rebuilt.of_event("judged")
    added = _by_people(rebuilt, index, verdicts, judged, time)
    _forget_lost(rebuilt, judged, verdicts)
    if restored:  # a pair is complete before a person judges it
        judged = [record for record in judged if record["pair"] in verdicts]
        others = rebuilt.without_events("judged")
        rebuilt.records = [*others, *restored, *judged]
    rebuilt.records += added


def _completed_again(root: Path, rebuilt: _Rebuilt, verdicts: Line) -> Iterator[Record]:
    """Lines of complete pairs, made from the documents next to their files; losses are named."""
    planned = rebuilt.planned()
    for pair, files in _checksums(root).items():
        if pair not in planned or pair in verdicts:
            continue
        changed = [
            name for name, digest in files.items() if not _is(root, pair, name, digest)
        ]
        document = read_document(file_path(root, pair, "pair.json"))
        if changed or "pair.json" not in files or "verdict" not in document:
            rebuilt.log.append(
                f"{pair}: lost, {', '.join(changed) or 'pair.json'} has changed"
            )
            continue
        yield _complete(root, pair, files, document)
        said = VERDICT_WORDS.get(str(document["verdict"]), "a verdict")
        rebuilt.log.append(f"{pair}: {said}, made from pair.json and checksums.sha256")


def _by_people(
    rebuilt: _Rebuilt,
    index: Line,
    verdicts: Json,
    judged: list[Record],
    time: str,
) -> list[Record]:
    """Judgements that session.json knows and the journal has lost."""
    final = verdicts | {record["pair"]: record["verdict"] for record in judged}
    added: list[Record] = []
    for pair, verdict in dict(index.get("pairs", {})).items():
        if (
            pair in verdicts
            and verdict in ("accept", "warn", "reject")
            and final[pair] != verdict
        ):
            reason = "by a person; the reason was lost with the journal"
            added.append(
                {"event": "judged", "time": time, "pair": pair, "verdict": verdict}
                | {"reason": reason}
            )
            rebuilt.log.append(
                f"{pair}: {VERDICT_WORDS[verdict]} by a person, as session.json says"
            )
    return added


def _forget_lost(rebuilt: _Rebuilt, judged: list[Record], verdicts: Json) -> None:
    """Remove the judgements of pairs that are lost."""
    for record in judged:
        if record["pair"] not in verdicts:
            rebuilt.records.remove(record)
            by_person = (
                f"{record['pair']}: {VERDICT_WORDS[record['verdict']]} by a person"
            )
            rebuilt.log.append(f"{by_person}, but the pair itself is lost")


def _restore_notes(rebuilt: _Rebuilt, index: Line) -> None:
    """Take notes of people from ``session.json`` where their lines are lost."""
    owners = {record["about"] for record in rebuilt.of_event("note")}
    for about, text in dict(index.get("notes", {})).items():
        if about not in owners:
            line = {
                "event": "note",
                "time": index.get("created", ""),
                "about": about,
                "text": text,
            }
            rebuilt.records.append(line)
            rebuilt.log.append(f"note about {about}: made from session.json")


def _restore_added(rebuilt: _Rebuilt, index: Line) -> None:
    """Take shots of additions from ``session.json`` where a line of one is lost."""
    journalled = set()
    for record in rebuilt.records:
        line = _added_line(record)
        if line is not None:
            journalled.add((line.event, line.id))
    for entry in _added_entries(index):
        shot = _added_line(entry["shot"])
        if not isinstance(shot, AddedShotLine):
            continue
        own = [entry["shot"]]
        lines: list[AddedLine] = [shot]
        read = _added_line(entry["read"])
        if read is not None:
            own.append(entry["read"])
            lines.append(read)
        if all((line.event, line.id) in journalled for line in lines):
            continue
        others = [one for one in rebuilt.records if one.get(shot.word) != shot.number]
        rebuilt.records = others + own
        rebuilt.log.append(f"{shot.id}: made from session.json")


def _added_entries(index: Line) -> list[Json]:
    """Shots of additions in ``session.json``, also of additions that are not there."""
    entries: list[Json] = []
    for value in index.values():
        if isinstance(value, list):
            entries += filter(_is_added_entry, value)
    return entries


def _is_added_entry(entry: object) -> bool:
    """Whether an entry has the lines of a shot of an addition."""
    return isinstance(entry, dict) and entry.keys() == {"shot", "read"}


def _added_line(record: object) -> AddedLine | None:
    """A valid line about a shot of an addition; None for anything else."""
    if not isinstance(record, dict) or not _usable(record):
        return None
    line = read_line(record)
    return line if isinstance(line, AddedLine) else None


def _checksums(root: Path) -> dict[str, dict[str, str]]:
    """Pair → file name → SHA-256, of the index file; empty if it is lost."""
    checksums: dict[str, dict[str, str]] = {}
    with contextlib.suppress(OSError, ValueError, FileError):
        for line in read_text(root / "checksums.sha256").splitlines():
            match = _CHECKSUM.fullmatch(line)
            if match and is_file_name(match[3]):
                checksums.setdefault(match[2], {})[match[3]] = match[1]
    return checksums


def _is(root: Path, pair: str, name: str, digest: str) -> bool:
    path = file_path(root, pair, name)
    return path.is_file() and not path.is_symlink() and sha256_file(path) == digest


def _complete(root: Path, pair: str, files: Mapping[str, str], facts: Line) -> Record:
    stored = []
    for name, digest in files.items():
        size = file_path(root, pair, name).stat().st_size
        stored.append({"name": name, "sha256": digest, "bytes": size})
    return {
        "event": "pair-complete",
        "pair": pair,
        "scene": facts["scene"],
        "verdict": facts["verdict"],
        "reason": facts["reason"],
        "blurry": facts["roles"]["blurry"]["file"],
        "sharp": facts["roles"]["sharp"]["file"],
        "files": stored,
    }
