"""The sub-command ``plan``."""

from typing import Any

import click

from defocus.capture.commands._options import bracket_options, camera_option
from defocus.commandline import json_output

__all__ = ["command"]


@click.command(name="plan")
@camera_option
@bracket_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(uri: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Print what a bracket would do, without a single shot.

    Exposure times come from the camera's own list and are compared by their true values: "f/22" is
    f/22.63 and "1/60" is 1/64 s.
    """
    from defocus.capture.cameras.camera import open_camera
    from defocus.capture.request import BracketRequest

    request = BracketRequest(**options)
    if as_json:
        with json_output() as out, open_camera(uri) as camera:
            out.write(request.plan(camera).to_json())
        return
    with open_camera(uri) as camera:
        for line in request.plan(camera).lines():
            click.echo(line)
