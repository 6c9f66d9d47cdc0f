"""The server of a page in a thread of this process, which stops whatever becomes of a test."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from defocus.extras.pages.serving.patience import PatientProtocol

STOP_SECONDS = 5
"""How long answers that have begun may go on; a browser keeps asking for events."""


@contextlib.contextmanager
def serving(app: Any, stop: Callable[[], None]) -> Iterator[int]:
    """Serve a page on a port of the loopback; the port.

    Args:
        app: The page.
        stop: Ends what feeds it; called before the server is told to stop.
    """
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        settings = uvicorn.Config(
            app,
            log_level="warning",
            lifespan="off",
            http=PatientProtocol,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                thread.join(0.01)
            yield listening.getsockname()[1]
        finally:
            stop()
            server.should_exit = True
            thread.join()
