"""Worker thread that owns camera and journal and executes the page's requests."""

import queue
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, cast, get_args

from defocus.capture.camera import Camera, HasFocusMotor, HasPreview, RestsPreview
from defocus.capture.planning.scene_list import ListedScene, scene_slug
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.journal import Record
from defocus.capture.sessions.state import SessionState
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.errors import (
    CameraError,
    DefocusError,
    InputError,
    InterruptedWorkError,
    storage_error,
)
from defocus.extras.pages.live.bench_state import NO_LIVE_VIEW, BenchState, supply_of
from defocus.extras.pages.live.camera_slot import CameraSlot
from defocus.extras.pages.live.preview import look_at, magnify
from defocus.extras.pages.live.preview_pace import PreviewPace
from defocus.extras.pages.live.scenes import Shooter, offered_scene, unfinished
from defocus.extras.pages.serving.feed import Feed

Action = Literal["shoot", "retake", "accept", "reject", "next-scene", "note", "focus"]
ACTIONS: tuple[Action, ...] = get_args(Action)

PREVIEW_SECONDS = 0.2
"""Seconds between two live pictures; a camera's own live view seldom has more than ten a second."""

IDLE_SECONDS = 1.0
"""Seconds between two looks at the camera while nobody watches."""

Task = Callable[[], None]


class ShootingThread:
    """Carries out requests one by one; call :meth:`ask` from any thread, :meth:`run` in one."""

    def __init__(
        self,
        folder: SessionFolder,
        feed: Feed,
        seat: CameraSlot | None = None,
        shooter: Shooter | None = None,
        scene_list: Sequence[ListedScene] = (),
    ) -> None:
        """Take the session, the feed and the cameras; without those pairs are only judged."""
        self._scene_list = scene_list
        self.feed = feed
        self.session: SessionState = folder.state
        self._folder = folder
        self._seat = seat
        self._shooter = shooter
        self._tasks: queue.Queue[tuple[Action, Task]] = queue.Queue(maxsize=20)
        self._shots_waiting = threading.Semaphore(1)
        self._shooting = False  # whether the present request has it
        self._stopping = threading.Event()
        self._answered = threading.Event()
        self._preview = PreviewPace()
        self._newest = b""
        self._state = BenchState(folder.root.name, live=seat is not None)
        if seat is not None:
            self._enter(self._offered(""))
        if seat is not None:
            self._state.current = max(self.session.complete, default="")
        self._renew()
        self._tell()

    @property
    def live(self) -> bool:
        """Whether pairs can be shot, or only judged."""
        return self._state.live

    def ask(self, action: Action, words: Mapping[str, str]) -> None:
        """Add a request to the queue; ``words`` are those that belong to it.

        They are pair, reason, scene (empty = the next), a note's about and text, steps of focus."""
        shooting = action in ("shoot", "retake")
        if not self._state.live and (shooting or action in ("next-scene", "focus")):
            raise InputError(
                "this session is only reviewed; 'defocus-capture live' shoots"
            )
        if action == "shoot" and self._state.prompt:
            self._answered.set()
            return
        task = self._task(action, words)
        if shooting and not self._shots_waiting.acquire(blocking=False):
            raise InputError("a pair is being shot; wait for its verdict")
        try:
            self._tasks.put_nowait((action, task))
        except queue.Full as error:
            if shooting:
                self._shots_waiting.release()
            raise InputError("too many requests are waiting; wait a moment") from error

    def _task(self, action: Action, words: Mapping[str, str]) -> Task:
        if action == "shoot":
            return lambda: self._shoot(self._state.title)
        if action == "next-scene":
            name = words.get("scene", "").strip()
            if name:
                scene_slug(name)
            return lambda: self._next_scene(name)
        if action == "focus":
            return self._focus_task(words.get("steps", ""))
        if action == "note":
            text = " ".join(words.get("text", "").split())[:2000]
            return self._note_task(words.get("about", ""), text)
        pair = self.session.complete.get(words.get("pair", ""))
        if pair is None:
            raise InputError("choose a pair that has been shot")
        if action == "retake":
            return lambda: self._retake(pair.id)
        return self._verdict_task(pair.id, action, words.get("reason", ""))

    def _verdict_task(self, pair: str, action: Action, given: str) -> Task:
        """Accept or reject a pair, for a reason."""
        reason = " ".join(given.split())[:500] or f"{action}ed by hand"
        verdict: Literal["accept", "reject"] = (
            "accept" if action == "accept" else "reject"
        )
        return lambda: self._judge(pair, verdict, reason)

    def _focus_task(self, steps: str) -> Task:
        """Move the focus by some steps of the motor."""
        if not re.fullmatch(r"[+-]?[1-9]\d{0,3}", steps):
            raise InputError(
                f"focus by '{steps}': give steps of the motor, such as -10"
            )
        if self._state.busy or self._state.prompt:
            raise InputError("a pair is being shot; wait for its verdict")
        return lambda: self._move_focus(int(steps))

    def _note_task(self, about: str, text: str) -> Task:
        """Note something about a pair or a scene."""
        pairs = self.session.planned
        scenes = {pair.scene for pair in pairs.values()}
        if about not in pairs and about not in scenes:
            raise InputError("choose a pair or a scene of this session for the note")
        return lambda: self._folder.note(about, text)

    def stop(self) -> None:
        """Let :meth:`run` end after the present request."""
        self._stopping.set()

    def run(self) -> None:
        """Carry out requests until :meth:`stop`; then keep verdicts and put settings back."""
        try:
            while not self._stopping.is_set():
                self._connect()
                try:
                    action, task = self._tasks.get(timeout=self._pause)
                except queue.Empty:
                    self._look()
                else:
                    self._do(action, task)
            self._keep_what_was_said()
        finally:
            if self._seat is not None:
                self._seat.close()
            self.feed.close()

    def _keep_what_was_said(self) -> None:
        """Carry out the verdicts and notes that still wait, of somebody quick; shoot no more."""
        while not self._tasks.empty():
            action, task = self._tasks.get_nowait()
            if action in ("accept", "reject", "note"):
                self._do(action, task)

    @property
    def _pause(self) -> float:
        return PREVIEW_SECONDS if self.feed.listeners else IDLE_SECONDS

    def _do(self, action: Action, task: Task) -> None:
        self._state.problem = ""
        self._shooting = action in ("shoot", "retake")
        try:
            task()
        except CameraError as error:
            self._lose_camera(error)
        except DefocusError as error:
            self._state.problem = str(error)
        except OSError as error:
            self._state.problem = str(storage_error(error, self._folder.root))
        finally:
            self._state.busy = ""
            self._renew()
            self._let_next_wait()
            self._tell()

    def _let_next_wait(self) -> None:
        """Take the next shot into the queue; once the verdict is there somebody may ask."""
        if self._shooting:
            self._shooting = False
            self._shots_waiting.release()

    def take_camera(self) -> None:
        """Open the camera and make it ready for the next pair; call it before :meth:`run`."""
        if self._seat is None or self._shooter is None:
            return
        rig = self._seat.open()
        self._state.plan = self._shooter.prepare(rig, self.session, self._state.scene)
        description = rig.blurry.describe()
        self._state.camera = ", ".join(
            filter(None, (description.model, description.lens))
        )
        self._state.supply = supply_of(rig.blurry)
        self._state.camera_problem = ""
        self._state.live_view = (
            "" if isinstance(rig.blurry, HasPreview) else NO_LIVE_VIEW
        )
        self._state.motor = isinstance(rig.blurry, HasFocusMotor)
        self._tell()

    def _connect(self) -> None:
        if self._seat is not None and self._seat.due:
            try:
                self.take_camera()
            except (CameraError, InputError) as error:
                self._lose_camera(error)

    def _lose_camera(self, error: Exception) -> None:
        if self._seat is not None:
            self._seat.close()
        self._state.camera_problem = str(error)
        self._tell()

    @property
    def _rig(self) -> SessionCameras | None:
        return None if self._seat is None else self._seat.rig

    def _look(self) -> None:
        """Publish a live picture if a page is open."""
        camera: object = None if self._rig is None else self._rig.blurry
        if not isinstance(camera, HasPreview) or self._state.live_view == NO_LIVE_VIEW:
            return
        if not self.feed.listeners:
            self._rest(camera)
            return
        if not self._preview.due:
            return
        try:
            newest = camera.preview()
            seen = look_at(newest).to_json()
        except CameraError as error:
            self._without_live_view(camera, error)
            return
        self._preview.came()
        if self._state.live_view:
            self._state.live_view = ""
            self._tell()
        self._newest = newest
        self.feed.publish("preview", seen)

    def magnified(self, x: float, y: float) -> dict[str, Any]:
        """A place of the newest live picture, for whoever asks; see :func:`magnify`."""
        return magnify(self._newest, x, y).to_json()

    def _rest(self, camera: HasPreview) -> None:
        """End the live view once nobody has watched for minutes."""
        if self._preview.to_be_ended and isinstance(camera, RestsPreview):
            try:
                camera.rest_preview()
            except CameraError as error:
                self._without_live_view(camera, error)

    def _without_live_view(self, camera: HasPreview, error: CameraError) -> None:
        """Note whether the camera was lost, or answers but has no live picture now."""
        try:
            cast(Camera, camera).describe()
        except CameraError as lost:
            self._lose_camera(lost)
        else:
            self._preview.failed()
            text = f"no live picture; trying again ({error})"
            if self._state.live_view != text:
                self._state.live_view = text
                self._tell()

    def _shoot(self, scene: str, focus_steps: Sequence[int] | None = None) -> None:
        rig = self._rig
        shooter = self._shooter
        if rig is None or shooter is None:
            raise InputError("no camera is connected; the pair was not started")
        self._say_busy("shooting")
        self._keep_note(scene_slug(scene))
        if unfinished(self.session, scene_slug(scene)):
            slug = scene_slug(scene)
            pairs = shooter.finish(self._folder, rig, slug, self._wait_for_person)
        else:
            pairs = shooter.shoot(
                self._folder,
                rig,
                scene,
                self._wait_for_person,
                focus_steps,
            )
        self._state.current = pairs[-1].id
        self._state.supply = supply_of(rig.blurry)
        self._renew()
        self._let_next_wait()  # to make the camera ready takes a while
        shooter.prepare(rig, self.session, self._state.scene)

    def _wait_for_person(self, what: str) -> None:
        """Show an instruction and the live picture until *Shoot* is pressed, or the thread ends."""
        self._answered.clear()
        self._state.prompt = f"{what}, then press Shoot"
        self._tell()
        try:
            while not self._answered.wait(self._pause):
                if self._stopping.is_set():
                    raise InterruptedWorkError("ended before the pair was shot")
                self._look()
        finally:
            self._state.prompt = ""
            self._tell()

    def _retake(self, pair_id: str) -> None:
        pair = self.session.planned[pair_id]
        if left := unfinished(self.session, pair.scene):
            raise InputError(
                f"first shoot {left[0].id}, which was planned and is incomplete"
            )
        self._shoot(pair.typed_scene, [pair.focus_steps])
        before = self.session.complete[pair_id].reason
        reason = "; ".join(
            filter(None, (before, f"taken again as {self._state.current}"))
        )
        self._folder.judge(pair_id, "reject", reason)

    def _move_focus(self, steps: int) -> None:
        camera: object = None if self._rig is None else self._rig.blurry
        if not isinstance(camera, HasFocusMotor):
            raise InputError(
                "this camera has no focus motor; turn the ring of the lens"
            )
        moved = camera.move_focus(steps)
        if moved != steps:
            raise InputError(
                f"the lens is at its end: it moved by {moved} of {steps} steps"
            )

    def _judge(
        self,
        pair_id: str,
        verdict: Literal["accept", "reject"],
        reason: str,
    ) -> None:
        self._folder.judge(pair_id, verdict, reason)
        self._state.current = pair_id

    def _offered(self, but: str) -> str:
        return offered_scene(self.session, self._scene_list, but=but)

    def _note_on(self, scene: str) -> str:
        """A person's note on a scene, or else that of the list."""
        listed = {scene_slug(scene.title): scene.note for scene in self._scene_list}
        return self.session.notes.get(scene, listed.get(scene, ""))

    def _keep_note(self, scene: str) -> None:
        """Journal the list's note on a scene that is shot."""
        note = self._note_on(scene)
        if note and scene not in self.session.notes:
            self._folder.note(scene, note)

    def _enter(self, title: str) -> None:
        self._state.title, self._state.scene = title, scene_slug(title)

    def _next_scene(self, name: str) -> None:
        self._enter(name or self._offered(self._state.scene))
        if self._rig is not None and self._shooter is not None:
            self._state.plan = self._shooter.prepare(
                self._rig,
                self.session,
                self._state.scene,
            )

    def follow_journal(self, record: Record) -> None:
        """Journal listener that updates the present activity."""
        if record["event"] == "pair-started":
            self._say_busy(f"shooting {record['pair']}")
        elif record["event"] == "file":
            self._say_busy(f"shooting {record['pair']}: {record['role']} picture is in")
        elif record["event"] == "pair-shot":
            self._say_busy(f"judging {record['pair']}")
        elif record["event"] == "retake":
            self._say_busy(f"shooting {record['pair']} again: {record['reason']}")
        elif record["event"] == "hook-failed":
            self._state.problem = f"hook after {record['pair']}: {record['problem']}"

    def _say_busy(self, words: str) -> None:
        self._state.busy = words
        self._tell()

    def _renew(self) -> None:
        self.session = self._folder.state
        left = [pair.id for pair in unfinished(self.session, self._state.scene)]
        begun = (pair for pair in left if pair in self.session.begun)
        self._state.unfinished = next(begun, "") if self._state.live else ""
        if self._state.live:
            self._state.note = self._note_on(self._state.scene)
            self._state.offered = self._offered(self._state.scene)
        self._state.revision += 1

    def _tell(self) -> None:
        self.feed.publish("state", asdict(self._state))
