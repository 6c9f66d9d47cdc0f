"""Shooting one scene at a time, as the page does it: no terminal, no list of scenes."""

from dataclasses import replace

from defocus.capture.cameras.camera import Camera, KnowsTruth
from defocus.capture.folder import SessionFolder
from defocus.capture.hooks import Hook, run_hook
from defocus.capture.limits import LIMITS, QualityLimits
from defocus.capture.request import BracketRequest
from defocus.capture.rig import Rig
from defocus.capture.running import ShootOptions
from defocus.capture.shooting import Handling, apply_exposure, new_pairs, shoot_pairs
from defocus.capture.state import CompletePair, SessionState

__all__ = ["SceneShooter", "free_scene_name"]


def free_scene_name(state: SessionState, but: str = "") -> str:
    """The next name by number that no scene of a session has.

    Args:
        state: The session.
        but: A further name that is taken.
    """
    taken = {pair.scene for pair in state.planned.values()} | {but}
    number = len(taken - {""}) + 1
    while f"scene-{number:03d}" in taken:
        number += 1
    return f"scene-{number:03d}"


class SceneShooter:
    """What is shot of every scene.

    Attributes:
        request: The bracket that was asked for. Once there was a plan, its times and ISO are part
            of it: each pair leaves the camera otherwise than it was found.
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

    def prepare(self, camera: Camera, state: SessionState, scene: str) -> list[str]:
        """Set a camera to the blurry exposure, which is the one to focus with.

        Returns:
            The plan, line by line.
        """
        if isinstance(camera, KnowsTruth):
            camera.stage(scene, state.next_number)
        plan = self.request.plan(camera)
        words = plan.bracket.blurry.words
        self.request = replace(self.request, shutter=words["shutter"], iso=words.get("iso"))
        apply_exposure(camera, plan.bracket.blurry)
        return plan.lines()

    def shoot(self, folder: SessionFolder, camera: Camera, scene: str) -> list[CompletePair]:
        """Shoot a scene, or first of all what an earlier try left incomplete.

        Raises:
            CameraError: The camera was lost; the pair is incomplete and the next try takes it up.
            StorageError: The disk is full.
        """
        incomplete = folder.state.incomplete
        request = self.request
        if incomplete:
            shoot = folder.state.shoots[incomplete[0].shoot]
            request = BracketRequest.from_shoot(shoot)
            pairs = [pair for pair in incomplete if pair.shoot == incomplete[0].shoot]
        plan = request.plan(camera)
        options = ShootOptions(retake="never", limits=self.limits)
        if not incomplete:
            pairs = new_pairs(folder.state, scene, scenes=1, repeat=1, focus_steps=plan.focus_steps)
            shoot = request.journalled(plan, confirmed_by_yes=True)
            folder.plan({**shoot, "handling": options.to_json()}, pairs)
        handling = Handling(settle_seconds=plan.settle_seconds, limits=self.limits)
        done = shoot_pairs(folder, Rig.single(camera), pairs, plan.protocol, handling)
        for pair in done:
            self._run_hook(folder, pair)
        return done

    def _run_hook(self, folder: SessionFolder, pair: CompletePair) -> None:
        if self.hook is not None:
            run_hook(self.hook, folder.root, pair)
