"""Shoot one scene at a time, as requested by the page."""

import itertools
from collections.abc import Sequence
from typing import Protocol

from defocus.capture.calibrations import (
    NO_CALIBRATIONS,
    Calibrations,
    load_calibrations,
    stored_calibrations,
)
from defocus.capture.camera import KnowsTruth
from defocus.capture.planning.plan import Plan
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.scene_list import ListedScene, scene_slug
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.refetching import fetch_from_card
from defocus.capture.sessions.state import CompletePair, PlannedPair, SessionState
from defocus.capture.taking.hooks import Hook, after_pair
from defocus.capture.taking.person import Ask, Person
from defocus.capture.taking.running import make_ready, plan_on, within_travel
from defocus.capture.taking.shots.frames import apply_exposure
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.capture.taking.shots.series import shoot_pairs
from defocus.capture.taking.shots.shooting import Handling, new_pairs
from defocus.capture.taking.verdicts import complete_whole

LEFT_TO_THE_PERSON = ShootOptions(retake="ask")


class Shooter(Protocol):
    """Interface of a shooter; see :class:`SceneShooter` for the methods and their errors."""

    def check(self, rig: SessionCameras) -> None:
        """Check that the cameras support the request."""
        ...

    def prepare(
        self,
        rig: SessionCameras,
        state: SessionState,
        scene: str,
    ) -> list[str]:
        """Prepare the cameras for a scene, and return the plan."""
        ...

    def shoot(
        self,
        folder: SessionFolder,
        rig: SessionCameras,
        scene: str,
        ask: Ask,
        focus_steps: Sequence[int] | None = None,
    ) -> list[CompletePair]:
        """Shoot the pairs of a scene."""
        ...

    def finish(
        self,
        folder: SessionFolder,
        rig: SessionCameras,
        scene: str,
        ask: Ask,
    ) -> list[CompletePair]:
        """Shoot the incomplete pairs of a scene."""
        ...


def free_scene_name(state: SessionState, but: str = "") -> str:
    """The next numbered name that no scene of a session has, nor ``but``."""
    taken = ({pair.scene for pair in state.planned.values()} | {but}) - {""}
    number = len(taken) + 1
    while f"scene-{number:03d}" in taken:
        number += 1
    return f"scene-{number:03d}"


def unfinished(state: SessionState, scene: str) -> list[PlannedPair]:
    """The incomplete pairs of a scene and one shoot, which were planned and are shot first."""
    incomplete = [pair for pair in state.incomplete if pair.scene == scene]
    return [pair for pair in incomplete if pair.shoot == incomplete[0].shoot]


class SceneShooter:
    """Shoots the pairs of each scene; time and ISO of the first plan become part of the request."""

    def __init__(
        self,
        request: BracketRequest,
        options: ShootOptions = LEFT_TO_THE_PERSON,
        hook: Hook | None = None,
    ) -> None:
        self.request = request
        self.options = options
        self.hook = hook
        self._calibrations = NO_CALIBRATIONS
        self._carded: dict[str, str] = {}
        self._ready: SessionCameras | None = None

    def check(self, rig: SessionCameras) -> None:
        """Check that the cameras support the request; raises like :meth:`plan`."""
        self.plan(rig)

    def plan(self, rig: SessionCameras) -> Plan:
        """The plan of a scene; the first one fixes time and ISO."""
        if self._ready is not rig:
            described = [camera.describe() for camera in rig.cameras]
            self._calibrations = load_calibrations(
                self.options.calibration_files,
                described,
            )
            make_ready(rig, self.options)
            self._ready = rig
        plan = plan_on(self.request, rig)
        words = plan.bracket.blurry.words
        self.request = self.request.model_copy(
            update={"shutter": words["shutter"], "iso": words.get("iso")}
        )
        return plan

    def prepare(
        self,
        rig: SessionCameras,
        state: SessionState,
        scene: str,
    ) -> list[str]:
        """Set the live view's camera to the blurry exposure, for focusing; return the plan."""
        for camera in rig.cameras:
            if isinstance(camera, KnowsTruth):
                camera.stage(scene, state.next_number)
        plan = self.plan(rig)
        apply_exposure(rig.blurry, plan.bracket.blurry)
        return plan.lines(len(plan.focus_steps))

    def shoot(
        self,
        folder: SessionFolder,
        rig: SessionCameras,
        scene: str,
        ask: Ask,
        focus_steps: Sequence[int] | None = None,
    ) -> list[CompletePair]:
        """Shoot the pairs of a scene, one for each position of the focus motor.

        After ``CameraError`` or ``StorageError`` the pair is left incomplete."""
        planned = self.plan(rig)
        calibrations = self._calibrations
        request = within_travel(
            self.request,
            planned,
            rig,
            calibrations.overshoot_steps,
        )
        plan = plan_on(request, rig)
        steps = plan.focus_steps if focus_steps is None else focus_steps
        pairs = new_pairs(folder.state, scene, scenes=1, repeat=1, focus_steps=steps)
        shoot = request.journalled(plan, confirmed_by_yes=True)
        kept = {
            **self.options.to_json(),
            "calibrations": calibrations.store(folder.root),
        }
        folder.plan([{**shoot, "handling": kept}], pairs)
        return self._shoot(folder, rig, pairs, plan, self.options, calibrations, ask)

    def finish(
        self,
        folder: SessionFolder,
        rig: SessionCameras,
        scene: str,
        ask: Ask,
    ) -> list[CompletePair]:
        """Complete the pairs of :func:`unfinished`: judge whole ones, shoot others as planned."""
        begun = unfinished(folder.state, scene)
        shoot = folder.state.shoots[begun[0].shoot]
        options = shoot.handling
        calibrations = stored_calibrations(folder.root, shoot)
        person = Person(options, ask, self._carded)
        complete = complete_whole(
            folder,
            begun,
            lambda _: person,
            after_pair(self.hook, folder),
        )
        pairs = [pair for pair in begun if pair.id not in folder.state.complete]
        if not pairs:
            return complete
        plan = plan_on(BracketRequest.from_shoot(shoot), rig)
        make_ready(rig, options)
        fetch_from_card(folder, rig, pairs)
        return complete + self._shoot(
            folder,
            rig,
            pairs,
            plan,
            options,
            calibrations,
            ask,
        )

    def _shoot(
        self,
        folder: SessionFolder,
        rig: SessionCameras,
        pairs: Sequence[PlannedPair],
        plan: Plan,
        options: ShootOptions,
        calibrations: Calibrations,
        ask: Ask,
    ) -> list[CompletePair]:
        person = Person(options, ask, self._carded)
        handling = Handling(
            options,
            plan.settle_seconds,
            person,
            after_pair(self.hook, folder),
            calibrations,
        )
        return shoot_pairs(folder, rig, pairs, plan.protocol, handling)


def offered_scene(
    session: SessionState,
    listing: Sequence[ListedScene],
    *,
    but: str,
) -> str:
    """Name of the next scene: a planned one (later ones first), of the list, or by number."""
    planned = session.planned.values()
    slugs = {pair.scene for pair in planned} | {but}
    present = max((pair.number for pair in planned if pair.scene == but), default=0)
    waiting = [pair for pair in session.incomplete if pair.scene != but]
    later = (pair.typed_scene for pair in waiting if pair.number > present)
    listed = (scene.title for scene in listing)
    free = (title for title in listed if scene_slug(title) not in slugs)
    left_out = (pair.typed_scene for pair in waiting)
    offers = itertools.chain(later, free, left_out)
    return next(offers, "") or free_scene_name(session, but=but)
