"""Write a session folder: lock, write-once originals, files derived from the journal.

A camera's file is kept first, then comes its journal line: a kill leaves no line without its file.
"""

import contextlib
import os
import platform
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from defocus import __version__
from defocus.capture.camera import CardFile
from defocus.capture.planning.shoot_record import Read
from defocus.capture.sessions.additions import added_words
from defocus.capture.sessions.journal import Journal, Listener, Record
from defocus.capture.sessions.lines import StoredFile, Verdict
from defocus.capture.sessions.repair import copy_journal, rebuild_journal
from defocus.capture.sessions.replay import read_line, replay
from defocus.capture.sessions.session import (
    INDEX,
    JOURNAL,
    foreign_entries,
    index_document,
)
from defocus.capture.sessions.state import (
    SCHEMA,
    CompletePair,
    PlannedPair,
    SessionState,
    ShotPair,
    added_folder,
    complete_record,
    file_path,
    is_file_name,
    kept_in,
)
from defocus.errors import CameraError, DatasetError, StorageError
from defocus.storage.files import (
    make_folder,
    set_mode,
    sha256_file,
    storing,
    sync_folder,
    temporary_entries,
    try_lock,
    write_json,
    write_text,
)


def keep_originals(base: Path, parts: Sequence[Path]) -> list[StoredFile]:
    """Keep what a camera delivered for one shot, in the folder of a pair or of another shot."""
    stored = []
    for part in parts:
        if part.stat().st_size == 0:
            raise CameraError(
                f"{part.name}: the camera delivered an empty file; try again"
            )
        final = part.with_suffix("")
        if not is_file_name(final.name):
            raise CameraError(
                f"the camera delivered a file '{final.name}', not a picture"
            )
        stored.append(keep(base, part, final))
    if not stored:
        raise CameraError("the camera delivered no file; check its card and try again")
    return stored


def keep(base: Path, written: Path, final: Path) -> StoredFile:
    """Sync, hash and name a file; its name in the journal is relative to ``base``."""
    with storing(final):
        with written.open("rb+") as stream:
            os.fsync(stream.fileno())
        digest = sha256_file(written)
        size = written.stat().st_size
        set_mode(written, 0o444)
        if written != final:
            written.rename(final)
        sync_folder(final.parent)
    return StoredFile(final.relative_to(base).as_posix(), digest, size)


class SessionFolder:
    """A session folder that only this process may write."""

    def __init__(self, root: Path, journal: Journal) -> None:
        self.root = root
        self.journal = journal
        self._read: dict[int, tuple[Record, Read | None]] = {}

    @property
    def state(self) -> SessionState:
        """The present state by the journal."""
        return replay(self.journal.records, self.root / JOURNAL, self._line)

    def _line(self, record: Record) -> Read | None:
        """A journal line, checked only once, because the state is needed for every pair."""
        entry = self._read.get(record["n"])
        if entry is None or entry[0] is not record:
            entry = self._read[record["n"]] = (record, read_line(record))
        return entry[1]

    def plan(
        self, shoots: Sequence[Mapping[str, Any]], pairs: Sequence[PlannedPair]
    ) -> None:
        """Record the planned pairs in a single line: a kill leaves all of it or nothing."""
        first = len(self.state.shoots)
        entries = []
        for pair in pairs:
            entry: dict[str, Any] = {
                "id": pair.id,
                "number": pair.number,
                "scene": pair.scene,
                "focus_steps": pair.focus_steps,
                "shoot": pair.shoot - first,
            }
            if pair.title:
                entry["title"] = pair.title
            entries.append(entry)
        self.journal.append("planned", shoots=list(map(dict, shoots)), pairs=entries)
        self.write_index()

    def begin_pair(self, pair: PlannedPair, roles: Sequence[str] = ()) -> Path:
        """Make an empty folder for a pair; shots of an earlier try are moved, never deleted."""
        folder = self.root / "pairs" / pair.id
        if folder.exists():
            self._set_aside(folder, pair.id)
        make_folder(folder)
        with storing(folder):
            sync_folder(folder.parent)
        self.journal.append("pair-started", pair=pair.id, roles=list(roles))
        return folder

    def _set_aside(self, folder: Path, pair_id: str) -> None:
        with storing(folder):
            for part in folder.rglob("*.part*"):
                part.unlink()
            if not any(path.is_file() for path in folder.rglob("*")):
                shutil.rmtree(folder)
                return
            aside = self._free_folder("interrupted", pair_id)
            folder.rename(aside)
            sync_folder(aside.parent)
        self.journal.append(
            "pair-set-aside", pair=pair_id, folder=f"interrupted/{aside.name}"
        )

    def _free_folder(self, kept_in: str, pair_id: str) -> Path:
        """A free folder name for the old files of a reshot pair, or for a damaged file."""
        folder = make_folder(self.root / kept_in)
        return folder / f"{pair_id}.{1 + sum(1 for _ in folder.glob(f'{pair_id}.*'))}"

    def store_originals(
        self,
        pair: PlannedPair,
        role: str,
        parts: Sequence[Path],
        on_card: Sequence[CardFile] = (),
    ) -> list[StoredFile]:
        """Make a camera's ``.part`` files the originals of a role."""
        stored = keep_originals(self.root / "pairs" / pair.id, parts)
        where = {"on_card": list(on_card)} if on_card else {}
        files = list(map(asdict, stored))
        self.journal.append("file", pair=pair.id, role=role, files=files, **where)
        return stored

    def restore(self, owner: str, stored: StoredFile, part: Path) -> None:
        """Restore a file of a pair or another shot from a copy; an existing one is moved away."""
        final = file_path(self.root, owner, stored.name)
        with storing(final):
            if final.is_symlink() or final.exists():
                aside = make_folder(
                    self._free_folder("interrupted", owner.replace(" ", "-"))
                )
                final.rename(aside / final.name)
                sync_folder(aside)
        keep(kept_in(self.root, owner), part, final)
        self.journal.append("file-restored", pair=owner, name=stored.name)

    def store_written(
        self, pair: PlannedPair, paths: Sequence[Path]
    ) -> list[StoredFile]:
        """Record completely written files (truth, ``pair.json``) as files of the pair."""
        return [keep(self.root / "pairs" / pair.id, path, path) for path in paths]

    def added_read(
        self, word: str, number: int, found: Mapping[str, Any] | None, reason: str = ""
    ) -> None:
        """Record what was read in a shot of an addition, or why nothing was."""
        about = {word: number}
        self.journal.append(f"{word}-read", **about, found=found, reason=reason)
        self._index_and_copy(number)

    def shot(self, pair: PlannedPair, shot: ShotPair) -> None:
        """Record that all shots of a pair are stored; a kill from now on costs none of them."""
        files = list(map(asdict, shot.files))
        self.journal.append(
            "pair-shot", pair=pair.id, files=files, entry=dict(shot.entry)
        )

    def complete(self, pair: CompletePair) -> None:
        """Write the line that marks a pair as complete, then update the index files."""
        self.journal.append("pair-complete", **complete_record(pair))
        self._index_and_copy(len(self.state.complete))

    def judge(self, pair_id: str, verdict: Verdict, reason: str) -> None:
        """Journal a person's verdict on a complete pair; it replaces the measured one."""
        record = self.journal.append(
            "judged", pair=pair_id, verdict=verdict, reason=reason
        )
        self._index_and_copy(record["n"])

    def note(self, about: str, text: str) -> None:
        """Journal a person's note on a pair or a scene; an empty text removes the earlier note."""
        record = self.journal.append("note", about=about, text=text)
        self._index_and_copy(record["n"])

    def set_rejected_aside(self, pair: PlannedPair, reason: str) -> None:
        """Move the shots of a rejected try away, never delete them; the pair is shot again."""
        target = self._free_folder("rejected", pair.id)
        with storing(target):
            (self.root / "pairs" / pair.id).rename(target)
            sync_folder(target.parent)
        self.journal.append(
            "retake", pair=pair.id, reason=reason, folder=f"rejected/{target.name}"
        )

    def give_up(self, pair: PlannedPair, error: BaseException) -> None:
        """Remove incomplete files of a pair and journal the reason, if the disk permits."""
        for part in (self.root / "pairs" / pair.id).glob("*.part"):
            part.unlink()
        with contextlib.suppress(StorageError):
            self.journal.append("error", kind=type(error).__name__, text=str(error))

    def _index_and_copy(self, turn: int) -> None:
        self.write_index()
        copy_journal(self.root, self.root / JOURNAL, turn)

    def write_index(self) -> None:
        """Rebuild ``session.json`` and ``checksums.sha256`` from the journal."""
        state = self.state
        lines = []
        for owner in state.owners:
            for stored in owner.files:
                path = file_path(Path(), owner.id, stored.name).as_posix()
                lines.append(f"{stored.sha256}  {path}\n")
        write_text(self.root / "checksums.sha256", "".join(lines))
        kept = foreign_entries(self.root, state)
        write_json(self.root / INDEX, index_document(state) | kept)


@contextlib.contextmanager
def open_session_folder(
    root: Path, *, create: bool, listener: Listener | None = None
) -> Iterator[SessionFolder]:
    """Open a session folder under its lock; the listener is called with each line written."""
    root = root.absolute()  # back ends may answer with absolute paths
    is_session = (root / JOURNAL).exists()
    if not is_session and not create:
        raise DatasetError(
            f"{root}: no such session; 'defocus-capture shoot' makes one"
        )
    refuse_occupied(root)
    make_folder(root)
    with _locked(root / "lock"), Journal(root / JOURNAL, listener) as journal:
        folder = SessionFolder(root, journal)
        if not journal.records:
            journal.append(
                "session-created",
                schema=SCHEMA,
                id=uuid.uuid4().hex,
                software=_software(),
            )
        if journal.torn_bytes:
            journal.append("recovered", torn_bytes=journal.torn_bytes)
        for begins, ends in (
            (".session-", ".part.json"),
            (".checksums-", ".part.sha256"),
        ):
            for left in temporary_entries(root, begins, ends):
                left.unlink()
        for pair in (root / "pairs").glob("*/"):
            for left in temporary_entries(pair, ".pair-", ".part.json"):
                left.unlink()
        for word in added_words(folder.state):
            for part in added_folder(root, word).glob("*/*.part"):
                part.unlink()
        folder.write_index()
        yield folder


def repair_session(root: Path) -> list[str]:
    """Rebuild a damaged journal from copies and other files, under the lock; say what was done."""
    if not (root / JOURNAL).exists():
        raise DatasetError(f"{root}: no such session; check the path")
    with _locked(root / "lock"):
        return rebuild_journal(root, root / JOURNAL)


def refuse_occupied(root: Path) -> None:
    """Refuse a file, and a folder with anything in it that is not a session."""
    if (root / JOURNAL).exists() or not root.exists():
        return
    if not root.is_dir():
        raise DatasetError(f"{root}: is a file, not a folder; choose another name")
    if any(path.name != "lock" for path in root.iterdir()):
        raise DatasetError(
            f"{root}: has other files in it; choose a new folder for the session"
        )


def _software() -> dict[str, str]:
    import cv2
    import numpy as np

    return {
        "defocus": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel releases when the process ends in any way."""
    with storing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with storing(path):
            is_free = try_lock(descriptor)
        if not is_free:
            holder = (
                os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            )
            raise DatasetError(
                f"{path.parent}: in use by process {holder}; wait until it is done, or end it"
            )
        # the number is for people; a full disk may refuse it
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)
