"""The sub-command ``live``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import (
    bracket_options,
    camera_option,
    limits_of,
    session_argument,
)

__all__ = ["command"]


@click.command(name="live")
@session_argument
@camera_option
@bracket_options
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8077,
    show_default=True,
    help="Port on this computer; 0 = any free one.",
)
@click.option(
    "--hook",
    metavar="COMMAND",
    help="Run after each pair, no shell, at most 60 s: 'cp -r {pair_dir} /mnt'.",
)
def command(
    session: Path,
    uri: str,
    profile: Any,  # noqa: ANN401 - settings, whose module is not imported here
    port: int,
    hook: str | None,
    **bracket: Any,  # noqa: ANN401 - click's options
) -> None:
    """Shoot pairs into SESSION from a page in the browser.

    The page shows the live picture with what is in focus and a histogram, the last pair side by
    side, its verdict and numbers, and all pairs of the session. The address is printed; it holds
    a token, and only programs on this computer reach it. From elsewhere, forward the port with
    'ssh -L 8077:127.0.0.1:8077'.
    """
    from defocus.capture.cameras.camera import open_camera
    from defocus.capture.hooks import parse_hook
    from defocus.capture.live.scenes import SceneShooter
    from defocus.capture.live.serve import serve_session
    from defocus.capture.request import BracketRequest

    shooter = SceneShooter(
        BracketRequest.typed(**bracket),
        limits_of(profile),
        None if hook is None else parse_hook(hook),
    )
    serve_session(session, port=port, opener=lambda: open_camera(uri), shooter=shooter)
