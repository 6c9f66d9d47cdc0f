"""Take all shots of a pair, and name the pairs of a series."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from defocus.capture.calibrations import NO_CALIBRATIONS, Calibrations
from defocus.capture.camera import KnowsTruth
from defocus.capture.planning.plan import Plan
from defocus.capture.planning.protocol import PlannedShot, ShotProtocol
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.scene_list import scene_slug
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.quality.limits import QualityLimits
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.lines import StoredFile
from defocus.capture.sessions.state import (
    CompletePair,
    PlannedPair,
    SessionState,
    ShotPair,
)
from defocus.capture.taking.person import NOBODY, Person
from defocus.capture.taking.shots.frames import PairTaking, TakenFrame, take_frames
from defocus.capture.taking.shots.rig import (
    FocusPositions,
    SessionCameras,
    tell_other_cameras,
)
from defocus.progress import several, warn_once
from defocus.storage.files import make_folder


def _nothing_more(_pair: CompletePair) -> None:
    pass


@dataclass(frozen=True)
class Handling:
    """Handling of pairs, besides the shots themselves; ``after`` must handle its own errors."""

    options: ShootOptions = field(default_factory=ShootOptions)
    settle_seconds: float = 0.0
    person: Person = NOBODY
    after: Callable[[CompletePair], None] = _nothing_more
    calibrations: Calibrations = NO_CALIBRATIONS  # calibrations of the cameras


HANDLING = Handling()


def new_pairs(
    state: SessionState,
    scene: str | None,
    *,
    scenes: int,
    repeat: int,
    focus_steps: Sequence[int] = (0,),
    apertures: int = 1,
    listed: Sequence[str] = (),
) -> list[PlannedPair]:
    """Numbers and names of pairs to add to a session; several scenes become ``NAME-1``, ….

    Each aperture is a separate shoot, and their pairs alternate; None numbers the scenes."""
    scene_count = len({pair.scene for pair in state.planned.values()})
    titles = list(listed) or _titles(scene, scenes, scene_count)
    shoots = range(len(state.shoots), len(state.shoots) + apertures)
    ordered = product(titles, focus_steps, range(repeat), shoots)
    return [
        planned_pair(number, title, shoot, steps)
        for number, (title, steps, _, shoot) in enumerate(ordered, state.next_number)
    ]


def _titles(scene: str | None, scenes: int, scene_count: int) -> list[str]:
    """Names of scenes as people read them."""
    if scene is None:
        return [f"scene-{scene_count + index:03d}" for index in range(1, scenes + 1)]
    if scenes == 1:
        return [scene]
    return [f"{scene}-{index}" for index in range(1, scenes + 1)]


def planned_pair(number: int, title: str, shoot: int, steps: int = 0) -> PlannedPair:
    """A pair of a scene, whose name as typed is ``title``."""
    name = scene_slug(title)
    kept = "" if name == title else title
    return PlannedPair(f"{number:04d}_{name}", number, name, shoot, steps, kept)


def tell_file_names(pairs: Sequence[PlannedPair]) -> None:
    """Report how file names change scene names, unless only capitals and spaces change."""
    named = {pair.typed_scene: pair.scene for pair in pairs}
    renamed = {
        one: name
        for one, name in named.items()
        if "-".join(one.lower().split()) != name
    }
    if renamed:
        each = [f"{title!r} is {name}" for title, name in renamed.items()]
        warn_once(f"names of scenes become names of files: {several(each)}")


@dataclass(frozen=True)
class TakenPair:
    """A pair whose shots are stored and journalled; another pair may borrow the sharp one."""

    pair: PlannedPair
    shot: ShotPair
    sharp: TakenFrame


def take_pair(
    taking: PairTaking,
    protocol: ShotProtocol,
    handling: Handling,
    *,
    focus: FocusPositions | None,
    attempt: int,
    lent: TakenFrame | None,
    stored: Callable[[Path], None],
) -> TakenPair:
    """Take all shots of a pair and journal that they are stored; ``lent`` is the last pair's."""
    folder = taking.folder
    rig = taking.rig
    pair = taking.pair
    if lent is None:
        _stage(rig, pair, attempt)
    pair_folder = folder.begin_pair(pair, [frame.role for frame in protocol.frames])
    card = _grey_card(taking, protocol, handling.person)
    taken = take_frames(taking, protocol, focus, lent, stored)
    if card is not None:
        taken["grey-card"] = card
    files = [stored for shot in taken.values() for stored in shot.files]
    files += _stored_truth(taking, pair_folder)
    skew = _skew_seconds(rig, handling.calibrations, taken)
    shot = ShotPair(
        tuple(files), _entry(pair, rig, taken, protocol, skew, handling.options.limits)
    )
    folder.shot(pair, shot)
    return TakenPair(pair, shot, taken["sharp"])


def _stage(rig: SessionCameras, pair: PlannedPair, attempt: int) -> None:
    """Tell cameras that know the truth which scene is in front of them."""
    for camera in rig.cameras:
        if isinstance(camera, KnowsTruth):
            camera.stage(pair.scene, pair.number, attempt)


def _stored_truth(taking: PairTaking, pair_folder: Path) -> list[StoredFile]:
    """The files of the ground truth, where the cameras know it."""
    rig = taking.rig
    if not isinstance(rig.blurry, KnowsTruth) or not isinstance(rig.sharp, KnowsTruth):
        return []
    truth_folder = make_folder(pair_folder / "truth")
    truth = rig.blurry.write_truth(truth_folder, rig.sharp if rig.two else None)
    return taking.folder.store_written(taking.pair, truth)


def _skew_seconds(
    rig: SessionCameras, calibrations: Calibrations, taken: Mapping[str, TakenFrame]
) -> float | None:
    """Delay of the sharp camera's release, s, as calibrated, else as the host measured it."""
    if not rig.two:
        return None
    if calibrations.delay_seconds is not None:
        return calibrations.delay_seconds
    return taken["sharp"].released_at - taken["blurry"].released_at


def _grey_card(
    taking: PairTaking, protocol: ShotProtocol, person: Person
) -> TakenFrame | None:
    """Shoot the grey card, if there is one, and wait for its removal."""
    camera = taking.rig.blurry
    pair = taking.pair
    if not person.card_held(pair):
        return None
    if isinstance(camera, KnowsTruth):
        camera.show("grey-card")
    card = taking.frame(PlannedShot("grey-card", protocol.asked.blurry))
    if isinstance(camera, KnowsTruth):
        camera.stage(pair.scene, pair.number)
    person.card_gone(pair)
    return card


def _entry(
    pair: PlannedPair,
    rig: SessionCameras,
    taken: Mapping[str, TakenFrame],
    protocol: ShotProtocol,
    skew_seconds: float | None,
    limits: QualityLimits,
) -> dict[str, Any]:
    """Content of ``pair.json`` before the verdict."""
    return {
        "schema": 1,
        "id": pair.id,
        "scene": pair.scene,
        "scene_title": pair.typed_scene,
        "camera": rig.blurry.describe().to_json(),
        "sharp_camera": rig.sharp.describe().to_json() if rig.two else None,
        "mode": protocol.mode,
        "focus_known": protocol.focus_known,
        "anchored": protocol.anchored,
        "focus_steps": pair.focus_steps,
        "roles": {role: shot.to_json() for role, shot in taken.items()},
        "release_skew_seconds": skew_seconds,
        "limits": limits.model_dump(),
        "exposure": protocol.asked.differences_ev,
    }


def journalled_series(
    folder: SessionFolder,
    options: ShootOptions,
    requests: Sequence[BracketRequest],
    plans: Sequence[Plan],
    calibrations: Calibrations,
) -> list[tuple[PlannedPair, ShotProtocol]]:
    """The pairs to shoot with their protocols, once the journal has them and the scenes' notes."""
    state = folder.state
    _tell_other_than_before(state, plans[0])
    pairs = new_pairs(
        state,
        options.scene,
        scenes=options.scenes,
        repeat=options.repeat,
        focus_steps=plans[0].focus_steps,
        apertures=len(plans),
        listed=[scene.title for scene in options.scene_list],
    )
    tell_file_names(pairs)
    kept = {**options.to_json(), "calibrations": calibrations.store(folder.root)}
    first = len(state.shoots)
    shoots = []
    for request, plan in zip(requests, plans, strict=True):
        shoot = request.journalled(plan, confirmed_by_yes=options.yes)
        shoots.append(shoot | {"handling": kept})
    folder.plan(shoots, pairs)
    _note_scenes(folder, options)
    return [(pair, plans[pair.shoot - first].protocol) for pair in pairs]


def _tell_other_than_before(state: SessionState, plan: Plan) -> None:
    """Say if other cameras than those of the last shoot are here."""
    shot = [one for one in state.shoots if one.imported is None]
    if shot:
        tell_other_cameras(shot[-1], plan)


def _note_scenes(folder: SessionFolder, options: ShootOptions) -> None:
    for scene in options.scene_list:
        if scene.note:
            folder.note(scene_slug(scene.title), scene.note)
