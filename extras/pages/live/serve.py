"""Server of the commands ``live`` and ``review``, on the loopback unless shared."""

import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from defocus.capture.planning.scene_list import ListedScene
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.journal import Record
from defocus.errors import EXIT_INTERRUPTED
from defocus.extras.pages.live.app import make_app
from defocus.extras.pages.live.bench import ShootingThread
from defocus.extras.pages.live.camera_slot import CameraSlot, RigOpener
from defocus.extras.pages.live.scenes import Shooter
from defocus.extras.pages.serving.access import new_token
from defocus.extras.pages.serving.feed import Feed
from defocus.extras.pages.serving.server import PageServer, listening_on
from defocus.extras.pages.serving.sharing import SharedPage, shared_on
from defocus.processes.interruption import terminated_as_interrupted
from defocus.progress import say


def serve_session(
    path: Path,
    *,
    port: int,
    opener: RigOpener | None = None,
    shooter: Shooter | None = None,
    share: Literal["view", "control"] | None = None,
    scene_list: Sequence[ListedScene] = (),
) -> None:
    """Serve a session's page until Ctrl-C; its address is the only line on stdout.

    Without ``opener`` it is only reviewed; ``share`` is what others in the network may do."""
    followers: list[Callable[[Record], None]] = []

    def listener(record: Record) -> None:
        for follow in followers:
            follow(record)

    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(listening_on(port))
        shared = None
        if share is not None:
            port = listening.getsockname()[1]
            shared = stack.enter_context(shared_on(port, control=share == "control"))
        stack.enter_context(terminated_as_interrupted())
        seat = None if opener is None else CameraSlot(opener)
        if seat is not None and shooter is not None:
            stack.callback(seat.close)
            shooter.check(seat.open())  # before a session folder is made for nothing
        folder = stack.enter_context(
            open_session_folder(path, create=seat is not None, listener=listener)
        )
        bench = ShootingThread(
            folder,
            Feed(),
            seat,
            shooter,
            scene_list,
        )
        bench.take_camera()
        followers.append(bench.follow_journal)
        token = new_token()

        def closing() -> None:
            bench.stop()
            bench.feed.close()

        app = make_app(bench, folder, token, None if shared is None else shared.share)
        _run(PageServer(app, closing), bench, listening, token, shared)


def _run(
    server: PageServer,
    bench: ShootingThread,
    listening: socket.socket,
    token: str,
    shared: SharedPage | None,
) -> None:
    """Serve until interrupted, or until the bench fails; a shot that is under way is finished."""
    with ThreadPoolExecutor(1, thread_name_prefix="bench") as pool:
        work = pool.submit(bench.run)
        work.add_done_callback(lambda _work: setattr(server, "should_exit", True))
        try:
            if shared is not None:
                shared.tell()
            also = () if shared is None else (shared.listening,)
            server.serve_at(listening, token, also=also)
        finally:
            bench.stop()
            _wait(work)


def _wait(work: Future[None]) -> None:
    """Wait for the bench; a second interruption ends the process as a kill would."""
    try:
        work.result()
    except KeyboardInterrupt:
        say("ended at once; the interrupted pair is shot again next time")
        # the bench's thread must not find the journal closed
        os._exit(EXIT_INTERRUPTED)
