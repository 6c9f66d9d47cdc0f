"""Shoot pairs into a session, back to back, and judge each at once."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.capture.calibration.calibrations import NO_CALIBRATIONS, Calibrations
from defocus.capture.camera import KnowsTruth
from defocus.capture.judging.grey_card import measure_grey_card
from defocus.capture.judging.limits import LIMITS, QualityLimits, Strictness
from defocus.capture.judging.quality import ExtraShots, judge_pair
from defocus.capture.judging.verdict import Quality
from defocus.capture.planning.protocol import PlannedShot, ShotProtocol
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.refetching import delete_from_card
from defocus.capture.sessions.state import CompletePair, PlannedPair, SessionState, scene_slug
from defocus.capture.taking.person import NOBODY, Person
from defocus.capture.taking.shots.focusing import FocusPositions, focus_positions
from defocus.capture.taking.shots.frames import (
    TakenFrame,
    apply_exposure,
    release_skew_seconds,
    take_frame,
    take_frames,
)
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.errors import DefocusError
from defocus.files import make_folder, write_json
from defocus.images import write_image

__all__ = ["Handling", "apply_exposure", "new_pairs", "shoot_pairs", "shoot_series"]


def _nothing_more(_pair: CompletePair) -> None:
    pass


@dataclass(frozen=True)
class Handling:
    """Handling of pairs, besides the shots themselves.

    Attributes:
        settle_seconds: Pause between setting a camera and each shot.
        every_seconds: Minimum seconds from the start of one pair to that of the next.
        calibrations: Calibrations of the cameras.
        limits: Limits for a warning or a rejection.
        strictness: Consequence of exceeded limits.
        person: Object that asks the user about scenes, grey cards and retakes.
        keep_on_camera: Whether to keep files on the camera's card after their copies are verified.
        after: Called with each complete pair; it must handle its own errors.
    """

    settle_seconds: float = 0.0
    every_seconds: float = 0.0
    calibrations: Calibrations = NO_CALIBRATIONS
    limits: QualityLimits = LIMITS
    strictness: Strictness = "strict"
    person: Person = NOBODY
    keep_on_camera: bool = True
    after: Callable[[CompletePair], None] = _nothing_more


HANDLING = Handling()

MASK = "usable-mask.png"
"""255 where a pair can be used, 0 where its blurry member is the sharper one."""


def new_pairs(
    state: SessionState,
    scene: str | None,
    *,
    scenes: int,
    repeat: int,
    focus_steps: Sequence[int] = (0,),
    apertures: int = 1,
) -> list[PlannedPair]:
    """Numbers and names of pairs to add to a session.

    Args:
        state: The session up to now.
        scene: Name of the scene; None numbers the scenes of the session.
        scenes: Number of scenes; with a name they become ``NAME-1``, ``NAME-2``, ….
        repeat: Number of pairs per scene and position of the focus motor.
        focus_steps: Positions of the focus motor for the blurry shots.
        apertures: Number of wide apertures; each is a separate shoot, and their pairs alternate.

    Raises:
        DatasetError: A name has no letter a-z or digit.
    """
    known = len({pair.scene for pair in state.planned.values()})
    if scene is None:
        names = [f"scene-{known + index:03d}" for index in range(1, scenes + 1)]
    else:
        slug = scene_slug(scene)
        names = [slug] if scenes == 1 else [f"{slug}-{i}" for i in range(1, scenes + 1)]
    ordered = [
        (name, steps, shoot)
        for name in names
        for steps in focus_steps
        for _ in range(repeat)
        for shoot in range(len(state.shoots), len(state.shoots) + apertures)
    ]
    return [
        PlannedPair(f"{number:04d}_{name}", number, name, shoot, steps)
        for number, (name, steps, shoot) in enumerate(ordered, start=state.next_number)
    ]


def shoot_pairs(
    folder: SessionFolder,
    rig: SessionCameras,
    pairs: Sequence[PlannedPair],
    protocol: ShotProtocol,
    handling: Handling = HANDLING,
) -> list[CompletePair]:
    """Shoot planned pairs of one protocol; see :func:`shoot_series`."""
    return shoot_series(folder, rig, [(pair, protocol) for pair in pairs], handling)


def shoot_series(
    folder: SessionFolder,
    rig: SessionCameras,
    series: Sequence[tuple[PlannedPair, ShotProtocol]],
    handling: Handling = HANDLING,
) -> list[CompletePair]:
    """Shoot planned pairs one after another; each is completed or not stored at all.

    A pair that follows one with another wide aperture in the same scene gets a copy of its sharp
    shot, if that was accepted.

    Args:
        folder: The session, with the pairs planned in it.
        rig: The open cameras.
        series: The pairs, and the shots of each.
        handling: Pauses, limits, retakes.

    Raises:
        CameraError: The camera was lost; the session stays valid and can be resumed.
        StorageError: The disk is full; the session stays valid and can be resumed.
    """
    focus = None
    if any(protocol.moves_focus for _, protocol in series):
        focus = focus_positions(rig.blurry, handling.calibrations.overshoot_steps)
    done: list[CompletePair] = []
    before: tuple[PlannedPair, TakenFrame] | None = None
    next_start = time.monotonic()
    for pair, protocol in series:
        lent = before[1] if before is not None and _same_series(before[0], pair) else None
        handling.person.scene_ready(pair)
        time.sleep(max(0.0, next_start - time.monotonic()))
        next_start = time.monotonic() + handling.every_seconds
        try:
            complete, sharp = _shoot_pair(folder, rig, pair, protocol, handling, focus, lent)
        except (DefocusError, OSError, KeyboardInterrupt) as error:
            folder.give_up(pair, error)
            raise
        done.append(complete)
        before = None if complete.verdict == "reject" else (pair, sharp)
        handling.after(complete)
    if focus is not None:
        focus.go(0)
    return done


def _same_series(before: PlannedPair, pair: PlannedPair) -> bool:
    """Whether a pair has the next wide aperture with the same scene and focus."""
    return (before.scene, before.focus_steps, before.shoot + 1) == (
        pair.scene,
        pair.focus_steps,
        pair.shoot,
    )


def _shoot_pair(
    folder: SessionFolder,
    rig: SessionCameras,
    pair: PlannedPair,
    protocol: ShotProtocol,
    handling: Handling,
    focus: FocusPositions | None,
    lent: TakenFrame | None,
) -> tuple[CompletePair, TakenFrame]:
    """Shoot a pair, repeatedly while it is rejected and retakes are requested."""
    attempt = 1
    while True:
        tried, sharp = _try_pair(folder, rig, pair, protocol, handling, focus, attempt, lent)
        if tried.verdict != "reject" or not handling.person.retake(pair, tried.reason, attempt):
            break
        folder.set_rejected_aside(pair, tried.reason)
        attempt, lent = attempt + 1, None
    folder.complete(tried)
    if not handling.keep_on_camera:
        delete_from_card(folder, rig, tried)
    return tried, sharp


def _try_pair(
    folder: SessionFolder,
    rig: SessionCameras,
    pair: PlannedPair,
    protocol: ShotProtocol,
    handling: Handling,
    focus: FocusPositions | None,
    attempt: int,
    lent: TakenFrame | None,
) -> tuple[CompletePair, TakenFrame]:
    """Try to shoot a pair; its files are stored but not journalled as complete."""
    for camera in rig.cameras:
        if isinstance(camera, KnowsTruth) and lent is None:
            camera.stage(pair.scene, pair.number, attempt)
    pair_folder = folder.begin_pair(pair)
    card = _grey_card(folder, rig, pair, protocol, handling)
    taken = take_frames(
        folder, rig, pair, protocol, settle_seconds=handling.settle_seconds, focus=focus, lent=lent
    )
    if card is not None:
        taken["grey-card"] = card
    files = [stored for shot in taken.values() for stored in shot.files]
    if isinstance(rig.blurry, KnowsTruth) and isinstance(rig.sharp, KnowsTruth):
        truth_folder = make_folder(pair_folder / "truth")
        truth = rig.blurry.write_truth(truth_folder, rig.sharp if rig.two else None)
        files += folder.store_written(pair, truth)
    quality = _judged(rig, pair, taken, protocol, handling)
    if quality.mask is not None:
        files += folder.store_written(pair, [_write_mask(pair_folder, quality.mask)])
    write_json(pair_folder / "pair.json", _pair_entry(pair, rig, taken, protocol, quality))
    files += folder.store_written(pair, [pair_folder / "pair.json"])
    complete = CompletePair(
        pair.id,
        pair.scene,
        quality.verdict,
        quality.reason,
        taken["blurry"].member.name,
        taken["sharp"].member.name,
        tuple(files),
    )
    return complete, taken["sharp"]


def _grey_card(
    folder: SessionFolder,
    rig: SessionCameras,
    pair: PlannedPair,
    protocol: ShotProtocol,
    handling: Handling,
) -> TakenFrame | None:
    """Shoot the grey card, if there is one, and wait for its removal."""
    if not handling.person.card_held(pair):
        return None
    camera, frame = rig.blurry, PlannedShot("grey-card", protocol.asked.blurry)
    if isinstance(camera, KnowsTruth):
        camera.show("grey-card")
    card = take_frame(folder, camera, pair, frame, handling.settle_seconds)
    if isinstance(camera, KnowsTruth):
        camera.stage(pair.scene, pair.number)
    handling.person.card_gone(pair)
    return card


def _judged(
    rig: SessionCameras,
    pair: PlannedPair,
    taken: Mapping[str, TakenFrame],
    protocol: ShotProtocol,
    handling: Handling,
) -> Quality:
    others = {role: taken[role] for role in ("anchor", "companion") if role in taken}
    described = [camera.describe() for camera in rig.cameras]
    anchor, companion = others.get("anchor"), others.get("companion")
    bracket, known = protocol.asked, handling.calibrations
    return judge_pair(
        taken["blurry"].path,
        taken["sharp"].path,
        bracket,
        {role: taken[role].exif for role in ("blurry", "sharp")},
        handling.limits,
        extra=ExtraShots(
            anchor=None if anchor is None else anchor.path,
            anchored=protocol.anchored or "sharp",
            companion=None if companion is None else companion.path,
            exif={role: (shot.frame.exposure, shot.exif) for role, shot in others.items()},
            focus_moved=protocol.moves_focus,
            sharp_mirrored=rig.two and known.sharp_mirrored,
            expected_ev=known.expected_ev(bracket.blurry.aperture, bracket.sharp.aperture),
            expected=known.expected_geometry(pair.focus_steps, two_cameras=rig.two),
            skew_seconds=_skew_seconds(taken, known) if rig.two else None,
        ),
        strictness=handling.strictness,
        virtual_camera=any(camera.virtual for camera in described),
        exif_expected=any(camera.writes_exif for camera in described),
    )


def _skew_seconds(taken: Mapping[str, TakenFrame], known: Calibrations) -> float:
    """Release skew from ``calibrate rig``, or else as measured by the host."""
    if known.delay_seconds is not None:
        return known.delay_seconds
    return release_skew_seconds(taken)


def _write_mask(pair_folder: Path, mask: NDArray[np.uint8]) -> Path:
    path = pair_folder / MASK
    write_image(path, mask)
    return path


def _pair_entry(
    pair: PlannedPair,
    rig: SessionCameras,
    taken: Mapping[str, TakenFrame],
    protocol: ShotProtocol,
    quality: Quality,
) -> dict[str, Any]:
    bracket, card = protocol.asked, taken.get("grey-card")
    return {
        "schema": 1,
        "id": pair.id,
        "scene": pair.scene,
        "camera": rig.blurry.describe().to_json(),
        "sharp_camera": rig.sharp.describe().to_json() if rig.two else None,
        "mode": protocol.mode,
        "anchored": protocol.anchored,
        "focus_steps": pair.focus_steps,
        "roles": {role: shot.to_json() for role, shot in taken.items()},
        "grey_card": None if card is None else measure_grey_card(card.path).to_json(),
        "mask": None if quality.mask is None else MASK,
        "exposure": {
            "aperture_ev": bracket.aperture_ev,
            "nominal_aperture_ev": bracket.nominal_aperture_ev,
            "residual_ev": bracket.residual_ev,
            "nominal_residual_ev": bracket.nominal_residual_ev,
        },
        "quality": {
            **quality.numbers,
            "findings": [asdict(finding) for finding in quality.findings],
        },
        "verdict": quality.verdict,
        "reason": quality.reason,
    }
