"""Going on with a session: what was cut short is shot again, what was lost is fetched again."""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from defocus.capture.calibration.calibrations import stored_calibrations
from defocus.capture.cameras.camera import CameraDescription
from defocus.capture.planning.plan import Plan
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.damage import DamagedFile, damaged_files, say_damage
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.refetching import card_files, fetch_damaged, fetch_from_card
from defocus.capture.sessions.state import PlannedPair
from defocus.capture.taking.hooks import Hook, after_pair
from defocus.capture.taking.rig import RigAddress, open_rig
from defocus.capture.taking.running import (
    ShootOptions,
    exit_code,
    journalled_session,
    make_ready,
    plan_on,
)
from defocus.capture.taking.shooting import shoot_pairs
from defocus.errors import CameraError, DatasetError
from defocus.progress import counted, say

__all__ = ["resume_session"]


def resume_session(
    path: Path, *, uris: tuple[str, ...], yes: bool, json_lines: bool, hook: Hook | None
) -> int:
    """Shoot the incomplete pairs of a session; the command ``resume``.

    Files of complete pairs that are missing or have changed are fetched from the card, where they
    are still there; such a pair is never shot again by itself, because its scene may be gone.
    A plan that ``--yes`` confirmed is not asked about again, unless the camera is another one.

    Args:
        path: The session.
        uris: Addresses of the cameras, where they are others now.
        yes: Whether everything counts as answered.
        json_lines: Whether the journal goes to stdout.
        hook: A person's command to run after each pair.

    Returns:
        Exit code: 1 where one of them was rejected or a file could not be put back, else 0.

    Raises:
        DatasetError: No session there, or in use.
        CameraError: No camera (exit code 3), or it was lost (4).
        StorageError: The disk is full.
    """
    with journalled_session(path, create=False, json_lines=json_lines) as folder:
        damaged = _mended(folder, uris)
        say_damage(path, damaged)
        incomplete = folder.state.incomplete
        lost = len({entry.pair for entry in damaged})
        complete = counted(len(folder.state.complete) - lost, "pair")
        say(f"{complete} complete, {len(incomplete) or 'nothing'} to shoot")
        for index, group in groupby(incomplete, key=lambda pair: pair.shoot):
            _shoot_rest(folder, folder.state.shoots[index], list(group), uris, yes=yes, hook=hook)
        return max(exit_code(folder, incomplete), int(bool(damaged)))


def _mended(folder: SessionFolder, uris: tuple[str, ...]) -> list[DamagedFile]:
    """Fetch what is damaged from the card; what stays damaged."""
    damaged = damaged_files(folder.root, folder.state)
    places = card_files(folder.journal.records)
    on_card = [entry for entry in damaged if (entry.pair, entry.stored.name) in places]
    planned = folder.state.planned
    for index, group in groupby(on_card, key=lambda entry: planned[entry.pair].shoot):
        shoot = folder.state.shoots[index]
        try:
            with open_rig(RigAddress.parse(uris) if uris else _address(shoot)) as rig:
                fetch_damaged(folder, rig, list(group))
        except CameraError as error:
            say(f"nothing can be fetched from the card: {error}")
    return damaged_files(folder.root, folder.state) if on_card else damaged


def _shoot_rest(
    folder: SessionFolder,
    shoot: Mapping[str, Any],
    pairs: list[PlannedPair],
    uris: tuple[str, ...],
    *,
    yes: bool,
    hook: Hook | None,
) -> None:
    """Shoot what is left of one shoot, as it was planned."""
    if "imported" in shoot:
        raise DatasetError(
            f"{folder.root}: pair {pairs[0].id} was being imported; run the same "
            "'defocus-capture import' again"
        )
    options = ShootOptions.from_shoot(shoot)
    with open_rig(RigAddress.parse(uris) if uris else _address(shoot)) as rig:
        plan = plan_on(BracketRequest.from_shoot(shoot), rig)
        asker = options.asker(answered=yes or _confirmed(shoot, plan))
        asker.confirm([plan], len(pairs))
        make_ready(rig, options)
        fetch_from_card(folder, rig, pairs)
        calibrations = stored_calibrations(folder.root, shoot)
        handling = options.handling(plan, asker, after_pair(hook, folder), calibrations)
        shoot_pairs(folder, rig, pairs, plan.protocol, handling)


def _address(shoot: Mapping[str, Any]) -> RigAddress:
    sharp = shoot.get("sharp_camera")
    return RigAddress(str(shoot["camera"]["uri"]), None if sharp is None else str(sharp["uri"]))


def _confirmed(shoot: Mapping[str, Any], plan: Plan) -> bool:
    """Whether a shoot was confirmed by ``--yes`` and these are the cameras it was planned for."""
    if shoot.get("confirmed_by_yes") is not True:
        return False
    others = [(shoot["camera"], plan.camera)]
    if plan.sharp_camera is not None:
        others.append((shoot["sharp_camera"], plan.sharp_camera))
    return all(_same_camera(then, camera) for then, camera in others)


def _same_camera(then: Mapping[str, Any], camera: CameraDescription) -> bool:
    now = camera.to_json()
    keys = ["model", "serial"] if camera.serial else ["model", "uri"]
    return all(then.get(key) == now[key] for key in keys)
