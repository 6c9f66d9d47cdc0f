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
from defocus.processes import terminated_as_interrupted


def serve_restoring(asked: Choice, *, port: int, tile_px: int | None, device: torch.device) -> None:
    """Serve the page until Ctrl-C; stdout shows only its address.

    What is dropped lies in a temporary folder that goes at the end.

    Args:
        asked: What the page begins with.
        port: Port on the loopback interface; 0 chooses any free port.
        tile_px: See :func:`~defocus.restoration.restorer.make_restorer`.
        device: Where to restore.

    Raises:
        InputError: The port is taken, or the system needs weights.
        NotApplicableError: The system needs more than one picture.
        WeightsError: The weights are missing or damaged.
    """
    token, feed = new_token(), Feed()
    choices = choices_here(asked)
    chosen = choices.index(asked)
    with (
        listening_on(port) as listening,
        terminated_as_interrupted(),
        tempfile.TemporaryDirectory(prefix="defocus-restore-") as folder,
    ):
        desk = Desk(Path(folder), choices, tile_px, device)
        desk.load(chosen)  # what is wrong with it is said before anybody drops a picture

        def closing() -> None:
            desk.stop()
            feed.close()

        PageServer(make_app(desk, chosen, feed, token), closing).serve_at(listening, token)
        desk.wait()
