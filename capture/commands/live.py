"""The sub-command ``live``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._handling import handling_of, handling_options
from defocus.capture.commands._options import (
    HANDLING_SECTIONS,
    SHOT_SECTIONS,
    bracket_options,
    cameras_option,
    hook_option,
    port_option,
    scene_list_option,
    session_argument,
    share_option,
)
from defocus.command_line.commands import SectionedCommand
from defocus.command_line.verbs import help_heading

__all__ = ["command"]

SECTIONS = {
    **SHOT_SECTIONS,
    **HANDLING_SECTIONS,
    "Planning and page": ("--settings", "--distances", "--port", "--share", "--scene-list"),
}


@help_heading("Shoot")
@click.command(name="live", cls=SectionedCommand, sections=SECTIONS)
@session_argument
@cameras_option
@bracket_options
@handling_options(retake="ask")
@port_option
@share_option
@scene_list_option
@hook_option
def command(
    session: Path,
    uris: tuple[str, ...],
    profile: Any,  # noqa: ANN401 - settings, whose module is not imported here
    port: int,
    share: Any,  # noqa: ANN401 - a literal of a module not imported here
    scene_list: Path | None,
    hook: Any,  # noqa: ANN401 - a hook, whose module is not imported here
    **typed: Any,  # noqa: ANN401 - click's options
) -> None:
    """Shoot pairs from a page in the browser.

    The page shows the live view with focus peaking and a histogram, the last pair side by side, its
    verdict and numbers, and all pairs of the session. The command prints the address, which holds a
    token and can be reached from this computer only. --share opens it to the local network; from
    farther away, forward the port with 'ssh -L 8077:127.0.0.1:8077'.

    A button on the page shoots a rejected pair again; --retake auto does so without asking.
    """
    from defocus.capture.live.scenes import SceneShooter
    from defocus.capture.live.serve import serve_session
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.planning.scene_list import read_scene_list
    from defocus.capture.taking.running import ShootOptions
    from defocus.capture.taking.shots.rig import RigAddress, open_rig

    scenes = () if scene_list is None else read_scene_list(scene_list)
    address = RigAddress.parse(uris)
    handling, bracket = handling_of(typed, profile)
    shooter = SceneShooter(BracketRequest.typed(**bracket), ShootOptions(**handling), hook)
    serve_session(
        session,
        port=port,
        opener=lambda: open_rig(address),
        shooter=shooter,
        share=share,
        scene_list=scenes,
    )
