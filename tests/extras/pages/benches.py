"""A bench whose camera can be told to fail, for tests of the page."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from defocus.capture.camera import CameraDescription
from defocus.capture.cameras.sim import SimulatedCamera, open_camera
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.scene_list import ListedScene
from defocus.capture.sessions.folder import SessionFolder, open_session_folder
from defocus.capture.sessions.journal import Record
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.errors import CameraError
from defocus.extras.pages.live.app import make_app
from defocus.extras.pages.live.bench import Action, ShootingThread
from defocus.extras.pages.live.camera_slot import CameraSlot
from defocus.extras.pages.live.scenes import SceneShooter
from defocus.extras.pages.serving.access import Share
from defocus.extras.pages.serving.feed import Feed
from tests.extras.pages.page_server import serving

SMALL = "sim:?seed=1&width=96&height=64&noise=0"


@dataclass
class Faults:
    """What goes wrong with the camera.

    Attributes:
        lost_at_shot: Shots from now until the one at which it is lost; 0 = never.
        absent: Whether it cannot be opened.
        blind: Whether it has no live picture.
        closed: How often it was closed.
        opened: Every camera that was opened.
    """

    lost_at_shot: int = 0
    absent: bool = False
    blind: bool = False
    closed: int = 0
    opened: list["FaultyCamera"] = field(default_factory=list)


class FaultyCamera(SimulatedCamera):
    """The simulated camera with faults that a test switches on."""

    def __init__(self, uri: str, faults: Faults) -> None:
        plain = open_camera(uri)
        super().__init__(uri, plain._options)
        self.faults, self.lost = faults, False
        faults.opened.append(self)

    def describe(self) -> CameraDescription:
        if self.lost:
            raise CameraError("the cable is out")
        return super().describe()

    def preview(self) -> bytes:
        if self.lost:
            raise CameraError("the cable is out")
        if self.faults.blind:
            raise CameraError("live view is off")
        return super().preview()

    def shoot(self, path_stem: Path) -> list[Path]:
        if self.faults.lost_at_shot == 1:
            self.lost = True
            self.faults.lost_at_shot = 0
            raise CameraError("the cable is out")
        self.faults.lost_at_shot = max(0, self.faults.lost_at_shot - 1)
        return super().shoot(path_stem)

    def close(self) -> None:
        self.faults.closed += 1
        super().close()


@dataclass
class Work:
    """A bench at work in a thread of its own."""

    bench: ShootingThread
    folder: SessionFolder
    faults: Faults

    @property
    def told(self) -> dict[str, object]:
        """The newest state, as the page gets it."""
        document: dict[str, object] = json.loads(self.bench.feed._newest["state"][1])
        return document

    def do(self, action: Action, **values: str) -> dict[str, object]:
        """Ask, and wait until it is done."""
        revision = self.told["revision"]
        self.bench.ask(action, values)
        return self.until(lambda now: now["revision"] != revision and not now["busy"])

    def until(
        self, condition: Callable[[dict[str, object]], bool], seconds: float = 60.0
    ) -> dict[str, object]:
        """Wait until the state is as wanted."""
        deadline = time.monotonic() + seconds
        while not condition(self.told):
            assert time.monotonic() < deadline, self.told
            time.sleep(0.01)
        return self.told


@contextlib.contextmanager
def bench_at_work(
    root: Path,
    uri: str | None = SMALL,
    shooter: SceneShooter | None = None,
    scene_list: Sequence[ListedScene] = (),
) -> Iterator[Work]:
    """A bench with a session and a camera that may fail; without an address, a review."""
    faults = Faults()

    @contextlib.contextmanager
    def opener() -> Iterator[SessionCameras]:
        if faults.absent or uri is None:
            raise CameraError("no camera on USB")
        with FaultyCamera(uri, faults) as camera:
            yield SessionCameras.single(camera)

    followers: list[Callable[[Record], None]] = []
    seat = None if uri is None else CameraSlot(opener)
    shooter = shooter or SceneShooter(BracketRequest(order="sharp-first"))
    with open_session_folder(
        root,
        create=uri is not None,
        listener=lambda record: [f(record) for f in followers],
    ) as folder:
        bench = ShootingThread(folder, Feed(), seat, shooter, scene_list)
        bench.take_camera()
        followers.append(bench.follow_journal)
        thread = threading.Thread(target=bench.run)
        thread.start()
        try:
            yield Work(bench, folder, faults)
        finally:
            bench.stop()
            thread.join()


TOKEN = "t" * 43


@contextlib.contextmanager
def served(work: Work, share: Share | None = None) -> Iterator[int]:
    """The page of a bench, on a port of the loopback, for those who know :data:`TOKEN`."""
    app = make_app(work.bench, work.folder, TOKEN, share)
    with serving(app, work.bench.feed.close) as port:
        yield port
