"""Fetch interrupted shots and lost files from the camera's card; the journal has their paths."""

from collections.abc import Sequence
from pathlib import Path

from defocus.capture.camera import ON_CARD, CardFile, HasCard
from defocus.capture.sessions.damage import DamagedFile
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.session import file_problem
from defocus.capture.sessions.state import CompletePair, PlannedPair, kept_in
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.errors import CameraError
from defocus.progress import say
from defocus.storage.files import make_folder, sha256_file, write_json


def fetch_from_card(
    folder: SessionFolder, rig: SessionCameras, pairs: Sequence[PlannedPair]
) -> None:
    """Keep an interrupted pair's shots from the card; it is shot again, as light may differ."""
    for pair in pairs:
        for note in sorted((folder.root / "pairs" / pair.id).glob(f"*{ON_CARD}")):
            role = note.name.removesuffix(ON_CARD)
            camera = rig.of(role)
            if not isinstance(camera, HasCard):
                continue
            try:
                parts = camera.fetch(note.with_name(role))
                folder.store_originals(pair, role, parts, camera.on_card)
            except CameraError as error:
                say(f"{pair.id}  {role}: not on the card any more: {error}")
            else:
                say(f"{pair.id}  {role}: fetched from the card")


def delete_from_card(
    folder: SessionFolder, rig: SessionCameras, pair: CompletePair
) -> None:
    """Delete the files of a complete pair on the card, after verifying each copy."""
    places = folder.state.on_card
    for stored in pair.files:
        camera = rig.of(stored.name.partition(".")[0])
        place = places.get((pair.id, stored.name))
        if place is None or not isinstance(camera, HasCard):
            continue
        problem = file_problem(folder.root, pair.id, stored)
        if problem:
            say(f"{pair.id}  {problem}; it stays on the card")
            continue
        try:
            camera.delete(place)
        except CameraError as error:
            say(f"{pair.id}  {stored.name} stays on the card: {error}")
        else:
            folder.journal.append("deleted-on-card", pair=pair.id, name=stored.name)


def fetch_damaged(
    folder: SessionFolder, rig: SessionCameras, damaged: Sequence[DamagedFile]
) -> None:
    """Restore files of complete pairs and other shots from the card, if unchanged there."""
    places = folder.state.on_card
    for entry in damaged:
        camera = rig.of(_role(entry))
        place = places.get((entry.pair, entry.stored.name))
        if place is None or not isinstance(camera, HasCard):
            continue
        try:
            _fetch_one(folder, camera, entry, place)
        except CameraError as error:
            say(f"{entry.pair}  {entry.stored.name}: not on the card any more: {error}")
        else:
            say(f"{entry.pair}  {entry.stored.name}: fetched from the card")


def _role(entry: DamagedFile) -> str:
    return entry.stored.name.partition(".")[0]


def _fetch_one(
    folder: SessionFolder, camera: HasCard, entry: DamagedFile, place: CardFile
) -> None:
    stem = kept_in(folder.root, entry.pair) / _role(entry)
    note = stem.with_name(f"{stem.name}{ON_CARD}")
    make_folder(note.parent)
    write_json(note, [place])
    parts: list[Path] = []
    try:
        parts = camera.fetch(stem)
        if list(map(sha256_file, parts)) != [entry.stored.sha256]:
            raise CameraError("another picture has that name now")
        folder.restore(entry.pair, entry.stored, parts[0])
    finally:
        note.unlink(missing_ok=True)
        for part in parts:
            part.unlink(missing_ok=True)
