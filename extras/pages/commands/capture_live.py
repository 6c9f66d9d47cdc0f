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
    share_option,
)
from defocus.command_line.commands import SectionedCommand
from defocus.command_line.json_output import json_output
from defocus.command_line.verbs import help_heading

__all__ = ["command"]

SECTIONS = {
    **SHOT_SECTIONS,
    **HANDLING_SECTIONS,
    "Planning and page": ("--settings", "--distances", "--port", "--share", "--scene-list"),
    "Without SESSION": ("--frames", "--picture", "--json-lines"),
}
OF_BOTH = frozenset({"uris", "port"})
OF_NUMBERS = frozenset({"frames", "picture", "json_lines"})


@help_heading("Shoot")
@click.command(name="live", cls=SectionedCommand, sections=SECTIONS)
@click.argument("session", required=False, type=click.Path(path_type=Path))
@cameras_option
@bracket_options
@handling_options(retake="ask")
@port_option
@share_option
@scene_list_option
@hook_option
@click.option(
    "--frames",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Print sharpness and exposure of N pictures instead of showing the page.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --frames: JPEG file for the last picture.",
)
@click.option(
    "--json-lines", is_flag=True, help="With --frames: print a JSON object for each picture."
)
def command(
    session: Path | None,
    uris: tuple[str, ...],
    profile: Any,  # noqa: ANN401 - settings, whose module is not imported here
    port: int,
    share: Any,  # noqa: ANN401 - a literal of a module not imported here
    scene_list: Path | None,
    hook: Any,  # noqa: ANN401 - a hook, whose module is not imported here
    frames: int | None,
    picture: Path | None,
    *,
    json_lines: bool,
    **typed: Any,  # noqa: ANN401 - click's options
) -> None:
    """Shoot pairs from a page in the browser.

    The page shows the live view with focus peaking and a histogram, the last pair side by side, its
    verdict and numbers, and all pairs of the session. The command prints the address, which holds a
    token and can be reached from this computer only. --share opens it to the local network; from
    farther away, forward the port with 'ssh -L 8077:127.0.0.1:8077'.

    A button on the page shoots a rejected pair again; --retake auto does so without asking.

    Without SESSION the page shows the live view only, and nothing is shot. With --frames its
    sharpness and exposure are printed; the histogram shows linear light.
    """
    _refuse_options(click.get_current_context(), looks_only=session is None)
    from defocus.capture.planning.plan import read_scene_list
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.taking.running import ShootOptions
    from defocus.capture.taking.shots.rig import RigAddress, open_rig
    from defocus.extras.pages.live.scenes import SceneShooter
    from defocus.extras.pages.live.serve import serve_session
    from defocus.extras.pages.live.view_only import serve_preview

    scenes = () if scene_list is None else read_scene_list(scene_list)
    address = RigAddress.parse(uris)
    if frames is not None:
        _print_numbers(address.blurry, frames, picture, json_lines=json_lines)
        return
    if session is None:
        serve_preview(address, port=port)
        return
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


def _refuse_options(context: click.Context, *, looks_only: bool) -> None:
    """Refuse what says how to shoot where nothing is shot, and the other way round."""
    for option in context.command.params:
        name = option.name or ""
        typed = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if not option.expose_value or name in OF_BOTH or name == "session" or not typed:
            continue
        if looks_only and name not in OF_NUMBERS:
            raise click.UsageError(f"{option.opts[0]} is for shooting; name a SESSION")
        if not looks_only and name in OF_NUMBERS:
            raise click.UsageError(f"{option.opts[0]} is for looking only; leave SESSION out")
    if not context.params["frames"] and (context.params["picture"] or context.params["json_lines"]):
        raise click.UsageError("--picture and --json-lines go with --frames N")


def _print_numbers(uri: str, frames: int, picture: Path | None, *, json_lines: bool) -> None:
    """Print what each live picture shows; the last one is kept as a file if one is named."""
    from defocus.extras.pages.live.frames import previews
    from defocus.files import write_bytes

    if json_lines:
        with json_output() as printed:
            for view in previews(uri, frames):
                printed.write(view.numbers())
    else:
        for view in previews(uri, frames):
            click.echo(view.line())
    if picture is not None:
        write_bytes(picture, view.jpeg)
