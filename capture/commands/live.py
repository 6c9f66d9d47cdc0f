"""The sub-command ``live``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._handling import handling_of, handling_options
from defocus.capture.commands._options import (
    bracket_options,
    cameras_option,
    hook_option,
    port_option,
    session_argument,
)

__all__ = ["command"]


@click.command(name="live")
@session_argument
@cameras_option
@bracket_options
@handling_options(retake="ask")
@port_option
@hook_option
def command(
    session: Path,
    uris: tuple[str, ...],
    profile: Any,  # noqa: ANN401 - settings, whose module is not imported here
    port: int,
    hook: Any,  # noqa: ANN401 - a hook, whose module is not imported here
    **typed: Any,  # noqa: ANN401 - click's options
) -> None:
    """Shoot pairs into SESSION from a page in the browser.

    The page shows the live picture with what is in focus and a histogram, the last pair side by
    side, its verdict and numbers, and all pairs of the session. The address is printed; it holds
    a token, and only programs on this computer reach it. From elsewhere, forward the port with
    'ssh -L 8077:127.0.0.1:8077'.

    A rejected pair is the person's, who has a button for it; --retake auto shoots it again first.
    """
    from defocus.capture.live.scenes import SceneShooter
    from defocus.capture.live.serve import serve_session
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.taking.rig import RigAddress, open_rig
    from defocus.capture.taking.running import ShootOptions

    address = RigAddress.parse(uris)
    handling, bracket = handling_of(typed, profile)
    shooter = SceneShooter(BracketRequest.typed(**bracket), ShootOptions(**handling), hook)
    serve_session(session, port=port, opener=lambda: open_rig(address), shooter=shooter)
