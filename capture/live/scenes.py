"""Shooting one scene at a time, as the page does it: no terminal, no list of scenes."""

from collections.abc import Sequence
from dataclasses import replace

from defocus.capture.cameras.camera import KnowsTruth
from defocus.capture.judging.limits import LIMITS, QualityLimits
from defocus.capture.planning.plan import Plan
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.person import NOBODY
from defocus.capture.sessions.state import CompletePair, PlannedPair, SessionState
from defocus.capture.taking.frames import apply_exposure
from defocus.capture.taking.hooks import Hook, after_pair
from defocus.capture.taking.rig import Rig
from defocus.capture.taking.running import ShootOptions, plan_on, within_travel
from defocus.capture.taking.shooting import new_pairs, shoot_pairs

__all__ = ["SceneShooter", "free_scene_name", "unfinished"]


def free_scene_name(state: SessionState, but: str = "") -> str:
    """The next name by number that no scene of a session has.

    Args:
        state: The session.
        but: A further name that is taken.
    """
    taken = ({pair.scene for pair in state.planned.values()} | {but}) - {""}
    number = len(taken) + 1
    while f"scene-{number:03d}" in taken:
        number += 1
    return f"scene-{number:03d}"


def unfinished(state: SessionState) -> list[PlannedPair]:
    """The pairs that an earlier try left incomplete and that are shot first: those of one scene."""
    incomplete = state.incomplete
    return [
        pair
        for pair in incomplete
        if (pair.scene, pair.shoot) == (incomplete[0].scene, incomplete[0].shoot)
    ]


class SceneShooter:
    """What is shot of every scene; a rejected pair is left to the person.

    Attributes:
        request: What was asked for. Once there was a plan, its time and ISO are part of it: each
            pair leaves the camera otherwise than it was found.
        limits: From where on a pair is warned about, or rejected.
        hook: A person's command to run after each pair.
    """

    def __init__(
        self,
        request: BracketRequest,
        limits: QualityLimits = LIMITS,
        hook: Hook | None = None,
    ) -> None:
        self.request, self.limits, self.hook = request, limits, hook

    def plan(self, rig: Rig) -> Plan:
        """The plan of a scene; the first one settles time and ISO.

        Raises:
            InputError: A camera cannot do what was asked for.
        """
        plan = plan_on(self.request, rig)
        words = plan.bracket.blurry.words
        self.request = replace(self.request, shutter=words["shutter"], iso=words.get("iso"))
        return plan

    def prepare(self, rig: Rig, state: SessionState, scene: str) -> list[str]:
        """Set the camera that shows the live picture to the blurry exposure, to focus with.

        Returns:
            The plan of a scene, line by line.

        Raises:
            CameraError: The camera was lost, or kept other settings.
            InputError: It cannot do what was asked for.
        """
        for camera in rig.cameras:
            if isinstance(camera, KnowsTruth):
                camera.stage(scene, state.next_number)
        plan = self.plan(rig)
        apply_exposure(rig.blurry, plan.bracket.blurry)
        return plan.lines(len(plan.focus_steps))

    def shoot(
        self,
        folder: SessionFolder,
        rig: Rig,
        scene: str,
        focus_steps: Sequence[int] | None = None,
    ) -> list[CompletePair]:
        """Shoot the pairs of a scene, one for each position of the focus motor.

        Args:
            folder: The session, without incomplete pairs.
            rig: The cameras.
            scene: Its name.
            focus_steps: Positions to shoot; None = all that were asked for.

        Raises:
            CameraError: The camera was lost; the pair is left incomplete.
            StorageError: The disk is full; the pair is left incomplete.
        """
        request = within_travel(self.request, self.plan(rig), rig)
        plan = plan_on(request, rig)
        steps = plan.focus_steps if focus_steps is None else focus_steps
        options = ShootOptions(limits=self.limits, retake="never")
        pairs = new_pairs(folder.state, scene, scenes=1, repeat=1, focus_steps=steps)
        shoot = request.journalled(plan, confirmed_by_yes=True)
        folder.plan({**shoot, "handling": options.to_json()}, pairs)
        handling = options.handling(plan, NOBODY, after_pair(self.hook, folder))
        return shoot_pairs(folder, rig, pairs, plan.protocol, handling)

    def finish(self, folder: SessionFolder, rig: Rig) -> list[CompletePair]:
        """Shoot what is :func:`unfinished`, as it was planned then.

        Raises:
            DatasetError: The journal does not say how.
            CameraError: The camera was lost again.
            StorageError: The disk is full.
        """
        pairs = unfinished(folder.state)
        shoot = folder.state.shoots[pairs[0].shoot]
        plan = plan_on(BracketRequest.from_shoot(shoot), rig)
        options = ShootOptions.from_shoot(shoot)
        handling = options.handling(plan, NOBODY, after_pair(self.hook, folder))
        return shoot_pairs(folder, rig, pairs, plan.protocol, handling)
