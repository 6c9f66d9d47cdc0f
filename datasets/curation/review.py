"""Serve the review page on this computer until Ctrl-C."""

import contextlib
import socket

import click
import uvicorn

from defocus.capture.live.feed import Feed
from defocus.capture.live.server.access import new_token
from defocus.capture.live.server.serve import ADDRESS, listening_on
from defocus.capture.taking.running import terminated_as_interrupted
from defocus.datasets.curation.curate import Curation
from defocus.datasets.curation.page import make_page
from defocus.progress import say

__all__ = ["review_pairs"]


def review_pairs(curation: Curation, port: int) -> None:
    """Let the user accept and reject pairs; stdout shows only the address.

    Args:
        curation: The curated dataset; decisions are stored with it.
        port: Port on the loopback interface; 0 chooses any free port.

    Raises:
        InputError: The port is taken.
    """
    feed, token = Feed(), new_token()
    config = uvicorn.Config(
        make_page(curation, feed, token),
        log_level="warning",
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    with listening_on(port) as listening, terminated_as_interrupted():
        click.echo(f"http://{ADDRESS}:{listening.getsockname()[1]}/?token={token}")
        say("open this address in a browser; Ctrl-C ends the review")
        with contextlib.suppress(KeyboardInterrupt):
            _Server(config, feed).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Server that first ends the pages' event streams, which would keep it from stopping."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._feed.close()
        await super().shutdown(sockets)
