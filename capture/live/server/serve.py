"""Server of the commands ``live`` and ``review`` on the loopback interface."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import click
import uvicorn

from defocus.capture.live.bench import ShootingThread
from defocus.capture.live.camera_slot import CameraSeat, RigOpener
from defocus.capture.live.feed import Feed
from defocus.capture.live.scenes import Shooter
from defocus.capture.live.server.access import new_token
from defocus.capture.live.server.app import make_app
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.journal import Record
from defocus.capture.taking.running import terminated_as_interrupted
from defocus.errors import EXIT_INTERRUPTED, InputError
from defocus.progress import say

__all__ = ["ADDRESS", "listening_on", "serve_session"]

ADDRESS = "127.0.0.1"


def serve_session(
    path: Path,
    *,
    port: int,
    opener: RigOpener | None = None,
    shooter: Shooter | None = None,
) -> None:
    """Serve a session's page until Ctrl-C; its address is the only line on stdout.

    Args:
        path: The session folder; a new one is made where pairs can be shot.
        port: Where to listen on the loopback; 0 = any free port.
        opener: Opens the cameras; None = the session is only reviewed.
        shooter: What to shoot; None with ``opener``.

    Raises:
        CameraError: No camera answers at the start.
        DatasetError: No session there, a damaged one, or one in use.
        InputError: The port is taken, or the camera cannot do what was asked of it.
    """
    followers: list[Callable[[Record], None]] = []

    def listener(record: Record) -> None:
        for follow in followers:
            follow(record)

    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(listening_on(port))
        stack.enter_context(terminated_as_interrupted())
        seat = None if opener is None else CameraSeat(opener)
        if seat is not None and shooter is not None:
            stack.callback(seat.close)
            shooter.check(seat.open())  # before a session folder is made for nothing
        folder = stack.enter_context(
            open_session_folder(path, create=seat is not None, listener=listener)
        )
        bench = ShootingThread(folder, Feed(), seat, shooter)
        bench.take_camera()
        followers.append(bench.follow_journal)
        token = new_token()
        server = _Server(
            uvicorn.Config(
                make_app(bench, folder, token),
                log_level="warning",
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=3,
            ),
            bench,
        )
        click.echo(f"http://{ADDRESS}:{listening.getsockname()[1]}/?token={token}")
        say("open this address in a browser; Ctrl-C ends")
        _run(server, bench, listening)


class _Server(uvicorn.Server):
    """Ends the pages' event streams first; an open one would keep the server from ending."""

    def __init__(self, config: uvicorn.Config, bench: ShootingThread) -> None:
        super().__init__(config)
        self._bench = bench

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._bench.stop()
        self._bench.feed.close()
        await super().shutdown(sockets)


def _run(server: uvicorn.Server, bench: ShootingThread, listening: socket.socket) -> None:
    """Serve until interrupted, or until the bench fails; a shot that is under way is finished."""
    with ThreadPoolExecutor(1, thread_name_prefix="bench") as pool:
        work = pool.submit(bench.run)
        work.add_done_callback(lambda _work: setattr(server, "should_exit", True))
        try:
            with contextlib.suppress(KeyboardInterrupt):
                server.run(sockets=[listening])
        finally:
            bench.stop()
            _wait(work)


def _wait(work: Future[None]) -> None:
    """Wait for the bench; who interrupts a second time ends the process as a kill would."""
    try:
        work.result()
    except KeyboardInterrupt:
        say("ended at once; the interrupted pair is shot again next time")
        os._exit(EXIT_INTERRUPTED)  # the bench's thread must not find the journal closed


@contextlib.contextmanager
def listening_on(port: int) -> Iterator[socket.socket]:
    """A socket that listens on the loopback.

    Args:
        port: Which; 0 = any free one.

    Raises:
        InputError: The port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name != "nt":  # there it would let two servers share the port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
        listening.listen()  # before the address is printed, so that nobody who opens it is refused
    except OSError as error:
        listening.close()
        raise InputError(
            f"port {port} cannot be used ({error.strerror}); give another --port"
        ) from error
    with listening:
        yield listening
