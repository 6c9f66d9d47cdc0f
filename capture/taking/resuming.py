"""Resume a session: judge whole pairs, reshoot interrupted ones and fetch lost files."""

import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

from defocus.capture.calibrations import stored_calibrations
from defocus.capture.links.back_ends import redacted, starts_programs
from defocus.capture.links.retries import setting_gone
from defocus.capture.planning.plan import Plan
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.shoot_record import CameraRecord, ShootRecord
from defocus.capture.planning.shoot_settings import ResumeSettings
from defocus.capture.sessions.additions import session_additions
from defocus.capture.sessions.damage import DamagedFile, damaged_files, report_damage
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.refetching import fetch_damaged, fetch_from_card
from defocus.capture.sessions.state import PlannedPair, SessionState
from defocus.capture.taking.hooks import After, after_pair, parse_hook
from defocus.capture.taking.person import Asker
from defocus.capture.taking.running import (
    exit_code,
    journalled_session,
    make_ready,
    plan_on,
    tell_result,
)
from defocus.capture.taking.shots.rig import (
    RigAddress,
    SessionCameras,
    open_rig,
    same_camera,
    tell_other_cameras,
)
from defocus.capture.taking.shots.series import shoot_series
from defocus.capture.taking.shots.shooting import Handling
from defocus.capture.taking.verdicts import complete_whole
from defocus.errors import CameraError, DatasetError
from defocus.plugins.consent import require_yes
from defocus.progress import counted, say


def resume_session(path: Path, options: ResumeSettings) -> int:
    """Judge the whole pairs of a session, shoot the incomplete ones again; return the exit code.

    Damaged files come from the card or not at all: a complete pair is never shot again by itself.
    """
    hook = parse_hook(options.hook)
    with journalled_session(
        path, create=False, json_lines=options.json_lines
    ) as folder:
        damaged = _mended(folder, options.uri)
        after = after_pair(hook, folder)
        report_damage(damaged)
        for addition in session_additions():
            addition.read(folder)
        planned = folder.state.incomplete
        _judge_whole(folder, planned, after, yes=options.yes)
        state = folder.state
        incomplete = state.incomplete
        lost = {entry.pair for entry in damaged} & state.complete.keys()
        complete = counted(len(state.complete) - len(lost), "pair")
        say(f"{complete} complete, {len(incomplete) or 'nothing'} to shoot")
        for _, group in groupby(incomplete, key=lambda pair: state.series[pair.shoot]):
            _shoot_rest(folder, list(group), after, options)
        if planned:
            tell_result(folder, planned)
        return 1 if damaged else exit_code(folder, planned)


def _judge_whole(
    folder: SessionFolder, pairs: list[PlannedPair], after: After, *, yes: bool
) -> None:
    """Complete the pairs whose shots were all stored before the session ended."""
    shoots = folder.state.shoots
    answered = yes or not sys.stdin.isatty()

    def asker(pair: PlannedPair) -> Asker:
        return Asker(shoots[pair.shoot].handling, answered=answered)

    if judged := complete_whole(folder, pairs, asker, after):
        say(f"{counted(len(judged), 'pair')} had all shots and only lacked a verdict")


def _mended(folder: SessionFolder, uris: tuple[str, ...]) -> list[DamagedFile]:
    """Fetch damaged files from the card; return those still damaged."""
    damaged = damaged_files(folder.root, folder.state)
    state = folder.state
    on_card = [
        entry for entry in damaged if (entry.pair, entry.stored.name) in state.on_card
    ]
    for cameras, group in groupby(
        on_card, key=lambda entry: _cameras(state, entry.pair)
    ):
        address = RigAddress.parse(uris) if uris else journalled_address(*cameras)
        try:
            with open_rig(address) as rig:
                fetch_damaged(folder, rig, list(group))
        except CameraError as error:
            say(f"nothing can be fetched from the card: {error}")
    return damaged_files(folder.root, folder.state) if on_card else damaged


def _cameras(
    state: SessionState, owner: str
) -> tuple[CameraRecord, CameraRecord | None]:
    """The cameras of a pair, or of ``flat 0001``."""
    if owner in state.added:
        return state.added[owner].shot.camera, None
    shoot = state.shoots[state.planned[owner].shoot]
    return shoot.camera, shoot.sharp_camera


def _shoot_rest(
    folder: SessionFolder,
    pairs: list[PlannedPair],
    after: After,
    resumed: ResumeSettings,
) -> None:
    """Shoot the rest of a series as planned, with one shoot per wide aperture."""
    shoots = folder.state.shoots
    shoot = shoots[pairs[0].shoot]
    if shoot.imported is not None:
        raise DatasetError(
            f"{folder.root}: pair {pairs[0].id} was being imported; run the same "
            "'defocus-capture import' again"
        )
    options = shoot.handling
    typed = RigAddress.parse(resumed.uri) if resumed.uri else None
    with open_rig(typed or journalled_address(shoot.camera, shoot.sharp_camera)) as rig:
        _refuse_missing(rig, shoot)
        counts = sorted(Counter(pair.shoot for pair in pairs).items())
        plans = {
            index: plan_on(BracketRequest.from_shoot(shoots[index]), rig)
            for index, _ in counts
        }
        plan = plans[pairs[0].shoot]
        tell_other_cameras(shoot, plan)
        asker = Asker(options, answered=resumed.yes or _confirmed(shoot, plan))
        paced = [(plans[index].paced(options), number) for index, number in counts]
        asker.confirm(paced)
        make_ready(rig, options)
        fetch_from_card(folder, rig, pairs)
        calibrations = stored_calibrations(folder.root, shoot)
        handling = Handling(options, plan.settle_seconds, asker, after, calibrations)
        series = [(pair, plans[pair.shoot].protocol) for pair in pairs]
        shoot_series(folder, rig, series, handling)


def _refuse_missing(rig: SessionCameras, shoot: ShootRecord) -> None:
    """Check that cameras still have the entries that were set: a reconnect may lose some."""
    cameras = (
        (shoot.camera, rig.blurry, shoot.blurry),
        (shoot.sharp_camera, rig.sharp, shoot.sharp),
    )
    for then, camera, was in cameras:
        settings = camera.settings()
        now = camera.describe()
        names = ("aperture", "shutter", *(("iso",) if was and was.iso else ()))
        missing = next((name for name in names if name not in settings), None)
        if missing is not None and same_camera(then, now):
            raise setting_gone(now.port or now.model, f"the {missing}")


def journalled_address(
    camera: CameraRecord, sharp: CameraRecord | None = None
) -> RigAddress:
    """Addresses of journalled cameras; the user is asked before they start programs.

    A journal may come from somebody else; ``--yes`` does not count, as nobody saw the address."""
    address = RigAddress(camera.uri, None if sharp is None else sharp.uri)
    for uri in filter(starts_programs, address.uris):
        require_yes(
            f"the journal says '{redacted(uri)}', which starts programs",
            "start them?",
            remedy="if you trust them, give the address with --camera",
            refusal="no program was started; another address is given with --camera",
        )
    return address


def _confirmed(shoot: ShootRecord, plan: Plan) -> bool:
    """Whether a shoot was confirmed by ``--yes`` for the same cameras."""
    then = (shoot.camera, shoot.sharp_camera)
    now = (plan.camera, plan.sharp_camera)
    return shoot.confirmed_by_yes and all(map(same_camera, then, now))
