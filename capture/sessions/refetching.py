"""Shots that were taken but not downloaded when a session was cut short."""

from collections.abc import Sequence

from defocus.capture.cameras.camera import ON_CARD, HasCard
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import PlannedPair
from defocus.capture.taking.rig import Rig
from defocus.errors import CameraError
from defocus.progress import say

__all__ = ["fetch_from_card"]


def fetch_from_card(folder: SessionFolder, rig: Rig, pairs: Sequence[PlannedPair]) -> None:
    """Download what is still on the card of pairs that were cut short.

    The pairs are shot again all the same, because the light and the scene may be others by now;
    what was taken is kept with the rest of the interrupted pair, and nothing is lost.

    Args:
        folder: The session.
        rig: The cameras.
        pairs: Pairs that are not complete.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    for pair in pairs:
        for note in sorted((folder.root / "pairs" / pair.id).glob(f"*{ON_CARD}")):
            role = note.name.removesuffix(ON_CARD)
            camera = rig.of(role)
            if not isinstance(camera, HasCard):
                continue
            try:
                parts = camera.fetch(note.with_name(role))
                folder.store_originals(pair, role, parts)
            except CameraError as error:
                say(f"{pair.id}  {role}: not on the card any more: {error}")
            else:
                say(f"{pair.id}  {role}: fetched from the card")
