"""Server of the command ``serve``, on the loopback interface."""

import contextlib
from pathlib import Path

import click
import uvicorn

from defocus.benchmark.serving.app import make_app
from defocus.capture.live.server.access import new_token
from defocus.capture.live.server.serve import ADDRESS, listening_on
from defocus.capture.taking.running import terminated_as_interrupted
from defocus.progress import say

__all__ = ["serve_studies"]


def serve_studies(root: Path, *, port: int) -> None:
    """Serve the studies in a folder until Ctrl-C; stdout shows only the address.

    Args:
        root: Folder of one or more studies.
        port: Port on the loopback interface; 0 chooses any free port.

    Raises:
        InputError: The folder has no study, or the port is taken.
    """
    token = new_token()
    app = make_app(root, token)
    with listening_on(port) as listening, terminated_as_interrupted():
        config = uvicorn.Config(
            app,
            log_level="warning",
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        click.echo(f"http://{ADDRESS}:{listening.getsockname()[1]}/?token={token}")
        say("open this address in a browser; Ctrl-C ends")
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
