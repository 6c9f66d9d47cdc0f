"""Import pictures of other programs into a session, from a folder or as they arrive.

Each pair is journalled like a shot of this program; the same command continues after a stop."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from defocus.capture.arriving.card_shots import (
    CameraShots,
    CardShot,
    Leftover,
    bodies_of,
    leftovers,
)
from defocus.capture.arriving.hot_folder import require_folder, written_name
from defocus.capture.arriving.import_request import ImportRequest
from defocus.capture.arriving.importer import (
    Importer,
    Look,
    PictureFolder,
    stored_checksums,
)
from defocus.capture.arriving.pairing import BracketApertures, CardPair, find_pairs
from defocus.capture.sessions.damage import report_damage
from defocus.capture.sessions.session import has_begun, read_state
from defocus.capture.taking.running import journalled_session
from defocus.errors import DatasetError, InputError
from defocus.processes.isolation import LeftOut, attempt, parted, say_left_out
from defocus.progress import counted, say

POLL_SECONDS = 0.5


def import_pictures(session: Path, request: ImportRequest) -> int:
    """Import every pair of a folder; return exit code 1 if any failed or there is none."""
    pictures = PictureFolder(require_folder(request.folder))
    checksums = stored_checksums(read_state(session)[0]) if has_begun(session) else None
    shots = pictures.shots(pictures.looks(), checksums or set())
    if checksums is None:
        _require_pairs(request, shots)
    with _importer(session, request, pictures) as importer:
        lost = importer.restore_damaged()
        report_damage(lost)
        new = importer.new_shots(shots)
        failed: Sequence[LeftOut] = ()
        if new:
            failed = _take_all(importer, new, shots)
        else:
            say(f"{request.folder}: all pictures are in the session already")
            _say_left_out(importer, shots, [])
        if pictures.damaged:
            files = counted(len(pictures.damaged), "unreadable file")
            say(f"{files} in {request.folder}, left out; exit code 1 says so")
        none = not importer.folder.state.planned
        if none:
            _say_no_pair(request)
        return int(
            importer.rejected > 0 or none or bool(pictures.damaged or lost or failed)
        )


def _say_no_pair(request: ImportRequest) -> None:
    """Say how shots must follow one another."""
    say(
        f"{request.folder}: no pair; sharp and blurry shot of a scene must follow one "
        "another. If they do not, put them into two folders with equal names, which "
        "defocus-data reads as pairs:FOLDER"
    )


def _require_pairs(request: ImportRequest, shots: Sequence[CardShot]) -> None:
    """Refuse pictures without a pair, before a session is created."""
    if not shots:
        raise InputError(
            f"{request.folder}: no complete picture there; check the folder"
        )
    _apertures(request, bodies_of(shots))


def _found(
    request: ImportRequest, bodies: Sequence[CameraShots], new: Collection[Path]
) -> tuple[list[CardPair], list[Leftover]]:
    """Pairs of the shots whose first file is ``new``, camera by camera in their order."""
    pairs: list[CardPair] = []
    left: list[Leftover] = []
    apertures, lacking = _apertures(request, bodies)
    for body in bodies:
        for run in body.runs:
            shots = [shot for shot in run if shot.files[0] in new]
            if body.name in lacking:
                left += [Leftover(shot.files[0], lacking[body.name]) for shot in shots]
                continue
            if request.rejected == "leave":
                shots, rejected = _without_rejected(shots)
                left += rejected
            some, others = find_pairs(
                shots, apertures[body.name], gap_seconds=request.gap_seconds
            )
            pairs += some
            left += others
    return pairs, left


def _without_rejected(
    shots: Sequence[CardShot],
) -> tuple[list[CardShot], list[Leftover]]:
    """Shots that no sidecar rejects; the files of the others are left out."""
    kept: list[CardShot] = []
    left: list[Leftover] = []
    for shot in shots:
        sidecar = shot.rejecting_sidecar
        if sidecar is None:
            kept.append(shot)
        else:
            reason = f"its sidecar {written_name(Path(sidecar.name))} rejects it"
            left += leftovers(shot.files, reason)
    return kept, left


def _apertures(
    request: ImportRequest, bodies: Sequence[CameraShots]
) -> tuple[dict[str, BracketApertures], dict[str, str]]:
    """The apertures of each camera by its name, and why others have none: a telephone has only one.

    A camera whose pictures state no exposure gets the apertures of another camera."""
    telling = [body for body in bodies if body.tells_exposure] or bodies
    by_body: dict[str, BracketApertures] = {}
    lacking: dict[str, str] = {}
    for body in telling:
        try:
            by_body[body.name] = request.apertures(body.shots)
        except InputError as error:
            lacking[body.name] = (
                f"{body.name}: {error}" if len(telling) > 1 else str(error)
            )
    if lacking and not by_body:
        raise InputError(next(iter(lacking.values())))
    some = next(iter(by_body.values()), None)
    if some is not None:
        for body in bodies:
            by_body.setdefault(body.name, some)
    return by_body, lacking


def _say_bodies(bodies: Sequence[CameraShots]) -> None:
    named = [body for body in bodies if body.tells_exposure]
    if len(named) > 1:
        counts = []
        for body in named:
            pictures = counted(len(body.shots), "picture")
            counts.append(f"{body.name} ({pictures})")
        listed = ", ".join(counts)
        say(f"pictures of {len(named)} cameras, each paired by itself: {listed}")
    for body in bodies:
        for remark in body.remarks:
            say(f"{body.name}: {remark}")


def _take_all(
    importer: Importer, new: Sequence[CardShot], shots: Sequence[CardShot]
) -> Sequence[LeftOut]:
    """Import all new pairs; return those that could not be taken."""
    bodies = bodies_of(shots)
    pairs, left = _found(importer.request, bodies, {shot.files[0] for shot in new})
    _say_bodies(bodies)
    importer.scenes.require_names(pairs)
    taken, failed = parted(_take(importer, pair) for pair in pairs)
    count = _say_left_out(importer, shots, left)
    say_left_out(failed, len(pairs), "pair")
    say(f"{counted(len(taken), 'pair')} imported, {counted(count, 'file')} left out")
    if unused := importer.scenes.unused():
        say(
            f"{counted(len(unused), 'scene')} of the list not seen, such as '{unused[0]}'"
        )
    return failed


def _take(importer: Importer, card_pair: CardPair) -> LeftOut | None:
    """Import a pair, or say why not; the same command tries it again."""
    name = written_name(Path(card_pair.shots[0].files[0].name))
    result = attempt(f"of {name}", partial(importer.take, card_pair))
    if isinstance(result, LeftOut):
        # a card that was pulled out is not a pair's fault
        require_folder(importer.request.folder)
    return result


def _say_left_out(
    importer: Importer, shots: Sequence[CardShot], left: Sequence[Leftover]
) -> int:
    """Name every file that is in no pair with its reason; return their number."""
    pictures = importer.pictures
    files = [
        *left,
        *pictures.left_out,
        *pictures.unread(),
        *importer.sidecars_left(shots),
    ]
    for one in sorted(files, key=lambda one: one.path):
        say(
            f"left out: {written_name(one.path.relative_to(pictures.path))}: {one.reason}"
        )
    return len(files)


def watch_pictures(session: Path, request: ImportRequest) -> None:
    """Import pairs as they arrive, until interrupted; it ends with ``KeyboardInterrupt``.

    The folder must be unchanged for a while, because a shot may still be arriving."""
    pictures = PictureFolder(require_folder(request.folder))
    with _importer(session, request, pictures) as importer:
        say(f"watching {request.folder}; Ctrl-C ends")
        before: list[Look] = []
        changed = time.monotonic()
        paired = False
        while True:
            looks = pictures.looks()
            if looks != before:
                before = looks
                changed = time.monotonic()
                paired = False
            elif not paired and time.monotonic() - changed >= request.settled_seconds:
                _take_complete(importer, looks)
                paired = True
            time.sleep(POLL_SECONDS)


def _take_complete(importer: Importer, looks: Sequence[Look]) -> None:
    """Import the complete pairs; a shot without a partner waits."""
    shots = importer.pictures.shots(looks, importer.stored)
    request = importer.request
    bodies = bodies_of(shots)
    if request.blurry is None:
        bodies = [body for body in bodies if len(body.f_numbers) > 1]
    new = {shot.files[0] for shot in importer.new_shots(shots)}
    pairs = _found(request, bodies, new)[0]
    _, failed = parted(_take(importer, pair) for pair in pairs)
    say_left_out(failed, len(pairs), "pair")


@contextmanager
def _importer(
    session: Path, request: ImportRequest, pictures: PictureFolder
) -> Iterator[Importer]:
    with journalled_session(
        session, create=True, json_lines=request.json_lines
    ) as folder:
        state = folder.state
        other = [p for p in state.incomplete if state.shoots[p.shoot].imported is None]
        if other:
            raise DatasetError(
                f"{session}: pair {other[0].id} is incomplete; "
                f"run 'defocus-capture resume {session}' first"
            )
        yield Importer(folder, request, pictures)
