"""Server of ``defocus-restore --page``, on the loopback interface."""

import tempfile
from pathlib import Path

import torch

from defocus.extras.pages.restore.app import make_app
from defocus.extras.pages.restore.desk import Desk
from defocus.extras.pages.restore.systems import Choice, choices_here
from defocus.extras.pages.serving.access import new_token
from defocus.extras.pages.serving.feed import Feed
from defocus.extras.pages.serving.server import PageServer, listening_on
from defocus.processes.interruption import terminated_as_interrupted


def serve_restoring(
    asked: Choice,
    *,
    port: int,
    tile_px: int | None,
    device: torch.device,
) -> None:
    """Serve the page on a loopback port (0: any) until Ctrl-C; stdout shows only its address.

    Dropped pictures are in a temporary folder that is removed at the end."""
    token = new_token()
    feed = Feed()
    choices = choices_here(asked)
    chosen = choices.index(asked)
    with (
        listening_on(port) as listening,
        terminated_as_interrupted(),
        tempfile.TemporaryDirectory(prefix="defocus-restore-") as folder,
    ):
        desk = Desk(Path(folder), choices, tile_px, device)
        # what is wrong with it is said before anybody drops a picture
        desk.load(chosen)

        def closing() -> None:
            desk.stop()
            feed.close()

        PageServer(make_app(desk, chosen, feed, token), closing).serve_at(
            listening,
            token,
        )
        desk.wait()
