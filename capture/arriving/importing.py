"""A session from pictures that were taken without us: from a memory card, or while they come in.

Every found pair is planned, copied, judged and journalled like one that we shot, so that whatever
is killed is continued by the same command: files that are in the session already are passed over.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from defocus.capture.arriving.importer import Importer, ImportRequest, Look
from defocus.capture.arriving.incoming import require_folder
from defocus.capture.arriving.pairing import find_pairs
from defocus.capture.sessions.damage import say_damage
from defocus.capture.taking.running import journalled_session
from defocus.errors import DatasetError
from defocus.progress import counted, say

__all__ = ["import_pictures", "watch_pictures"]

POLL_SECONDS = 0.5


def import_pictures(session: Path, request: ImportRequest, *, json_lines: bool) -> int:
    """Import every pair of a folder; the command ``import``.

    Returns:
        Exit code: 1 where a pair was rejected, or a file of the folder or of the session is
        damaged, else 0.

    Raises:
        InputError: No such folder, or no two apertures.
        DatasetError: The session is in use, or has other pairs to resume first.
        StorageError: The disk is full; run the same command again.
    """
    with _importer(session, request, json_lines=json_lines) as importer:
        lost = importer.restore_damaged()
        say_damage(session, lost)
        shots = importer.new_shots(importer.looks())
        if shots:
            apertures = request.apertures(shots)
            pairs, left = find_pairs(shots, *apertures, gap_seconds=request.gap_seconds)
            for found in pairs:
                importer.take(found)
            for leftover in left:
                say(f"left out: {leftover.shot.name}: {leftover.reason}")
            say(f"{counted(len(pairs), 'pair')} imported, {counted(len(left), 'picture')} left out")
        else:
            say(f"{request.folder}: no picture that is not in the session already")
        return int(importer.rejected > 0 or bool(importer.damaged) or bool(lost))


def watch_pictures(
    session: Path, request: ImportRequest, *, quiet_seconds: float, json_lines: bool
) -> None:
    """Import pairs while they come in, until it is interrupted; the command ``import --watch``.

    Args:
        session: The session.
        request: What is imported.
        quiet_seconds: Pictures are paired once nothing in the folder has changed for so long: the
            last shot of a pair may still be on its way.
        json_lines: Whether the journal goes to stdout.

    Raises:
        InputError: No such folder, or more than two apertures.
        DatasetError: The session is in use, or has other pairs to resume first.
        StorageError: The disk is full; run the same command again.
        KeyboardInterrupt: The only end.
    """
    with _importer(session, request, json_lines=json_lines) as importer:
        say(f"watching {request.folder}; Ctrl-C ends")
        before: list[Look] = []
        changed, paired = time.monotonic(), False
        while True:
            looks = importer.looks()
            if looks != before:
                before, changed, paired = looks, time.monotonic(), False
            elif not paired and time.monotonic() - changed >= quiet_seconds:
                _take_complete(importer, looks)
                paired = True
            time.sleep(POLL_SECONDS)


def _take_complete(importer: Importer, looks: Sequence[Look]) -> None:
    """Import the pairs that have come; a shot without its partner stays for later."""
    shots, request = importer.new_shots(looks), importer.request
    if request.blurry is None and len({shot.exif.f_number for shot in shots}) < 2:
        return
    for found in find_pairs(shots, *request.apertures(shots), gap_seconds=request.gap_seconds)[0]:
        importer.take(found)


@contextmanager
def _importer(session: Path, request: ImportRequest, *, json_lines: bool) -> Iterator[Importer]:
    require_folder(request.folder)
    with journalled_session(session, create=True, json_lines=json_lines) as folder:
        state = folder.state
        other = [p for p in state.incomplete if "imported" not in state.shoots[p.shoot]]
        if other:
            raise DatasetError(
                f"{session}: pair {other[0].id} is incomplete; "
                f"run 'defocus-capture resume {session}' first"
            )
        yield Importer(folder, request)
