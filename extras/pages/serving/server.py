"""Server of a page on the loopback interface."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence

import click
import uvicorn

from defocus.errors import InputError
from defocus.extras.pages.serving.access import Guard
from defocus.extras.pages.serving.patience import PatientProtocol
from defocus.progress import say

ADDRESS = "127.0.0.1"


class PageServer(uvicorn.Server):
    """A server of one page."""

    # ``page``: the application. ``closing``: is called before the server ends, to end the page's
    # event streams: an open one would keep it from ending.

    def __init__(self, page: Guard, closing: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                page,
                log_level="warning",
                lifespan="off",
                http=PatientProtocol,
                server_header=False,
                timeout_graceful_shutdown=3,
            )
        )
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._closing()
        await super().shutdown(sockets)

    def serve_at(
        self,
        listening: socket.socket,
        token: str,
        ends: str = "ends",
        *,
        also: Sequence[socket.socket] = (),
    ) -> None:
        """Serve until Ctrl-C, which ``ends``; the address is the only line on stdout."""
        click.echo(f"http://{ADDRESS}:{listening.getsockname()[1]}/?token={token}")
        say(f"open this address in a browser; Ctrl-C {ends}")
        with contextlib.suppress(KeyboardInterrupt):
            self.run(sockets=[listening, *also])


@contextlib.contextmanager
def listening_on(port: int, address: str = ADDRESS) -> Iterator[socket.socket]:
    """A socket that listens on a port (0: any), on the loopback unless an IPv4 address is given."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name != "nt":  # there it would let two servers share the port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
        listening.listen()  # before the address is printed, so that nobody who opens it is refused
    except OSError as error:
        listening.close()
        raise InputError(
            f"port {port} cannot be used ({error.strerror}); give another --port"
        ) from error
    with listening:
        yield listening
