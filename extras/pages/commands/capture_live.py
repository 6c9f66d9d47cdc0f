"""The sub-command ``live``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import HANDLING_HEADINGS, SHOT_HEADINGS
from defocus.command_line.json_output import json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.extras.pages.page_settings import (
        BracketSettings,
        LivePageSettings,
        LiveSettings,
    )

MODELS = "defocus.extras.pages.page_settings"

HEADINGS = (*SHOT_HEADINGS, *HANDLING_HEADINGS, "Planning and page", "Without SESSION")
OF_BOTH = frozenset({"uri", "port"})
OF_NUMBERS = frozenset({"frames", "picture", "json_lines"})


@help_heading("Shoot")
@click.command(
    name="live",
    cls=SettingsCommand,
    models=MODELS,
    headings=HEADINGS,
    others="Planning and page",
)
@click.argument("session", required=False, type=click.Path(path_type=Path))
def command(
    session: Path | None,
    bracket: "BracketSettings",
    handling: "LiveSettings",
    page: "LivePageSettings",
) -> None:
    """Shoot pairs from a page in the browser.

    The page shows the live view with focus peaking and a histogram, the last pair side by side, its
    verdict and numbers, and all pairs of the session. The command prints the address, which holds a
    token and can be reached from this computer only. --share opens it to the local network; from
    farther away, choose a --port and forward it: 'ssh -L 8077:127.0.0.1:8077'.

    A button on the page shoots a rejected pair again; --retake auto does so without asking.

    Without SESSION the page shows the live view only, and nothing is shot. With --frames its
    detail and exposure are printed; the histogram shows linear light.
    """
    _refuse_options(click.get_current_context(), looks_only=session is None)
    from defocus.capture.taking.shots.rig import RigAddress, open_rig

    address = RigAddress.parse(bracket.uri)
    if page.frames is not None:  # which needs no server
        _print_numbers(
            address.blurry,
            page.frames,
            page.picture,
            json_lines=page.json_lines,
        )
        return
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.planning.shoot_settings import ShootOptions
    from defocus.capture.taking.hooks import parse_hook
    from defocus.extras.pages.live.scenes import SceneShooter
    from defocus.extras.pages.live.serve import serve_session
    from defocus.extras.pages.live.view_only import serve_preview

    if session is None:
        serve_preview(address, port=page.port)
        return
    options = ShootOptions(**dict(handling.within(bracket.settings)))
    request = BracketRequest(**dict(bracket))
    shooter = SceneShooter(request, options, parse_hook(handling.hook))
    serve_session(
        session,
        port=page.port,
        opener=lambda: open_rig(address),
        shooter=shooter,
        share=page.share,
        scene_list=page.scene_list,
    )


def _refuse_options(context: click.Context, *, looks_only: bool) -> None:
    """Refuse options of shooting where nothing is shot, and the other way round."""
    for option in context.command.params:
        name = option.name or ""
        typed = (
            context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        )
        if not option.expose_value or name in OF_BOTH or name == "session" or not typed:
            continue
        if looks_only and name not in OF_NUMBERS:
            raise click.UsageError(f"{option.opts[0]} is for shooting; name a SESSION")
        if not looks_only and name in OF_NUMBERS:
            raise click.UsageError(
                f"{option.opts[0]} is for looking only; leave SESSION out"
            )
    if not context.params["frames"] and (
        context.params["picture"] or context.params["json_lines"]
    ):
        raise click.UsageError("--picture and --json-lines go with --frames N")


def _print_numbers(
    uri: str,
    frames: int,
    picture: Path | None,
    *,
    json_lines: bool,
) -> None:
    """Print what each live picture shows; the last one is kept as a file if one is named."""
    from defocus.extras.pages.live.frames import previews
    from defocus.storage.files import write_bytes

    if json_lines:
        with json_output() as printed:
            for view in previews(uri, frames):
                printed.write(view.numbers())
    else:
        for view in previews(uri, frames):
            click.echo(view.line())
    if picture is not None:
        write_bytes(picture, view.jpeg)
