"""The sub-command ``plan``."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import (
    SHOT_SECTIONS,
    bracket_options,
    cameras_option,
    scene_list_option,
)
from defocus.command_line.commands import SectionedCommand
from defocus.command_line.json_output import json_output
from defocus.command_line.verbs import help_heading

__all__ = ["command"]

SECTIONS = {
    **SHOT_SECTIONS,
    "Plan": ("--settings", "--distances", "--pairs", "--scene-list", "--json"),
}


@help_heading("Prepare")
@click.command(name="plan", cls=SectionedCommand, sections=SECTIONS)
@cameras_option
@bracket_options
@click.option(
    "--pairs",
    type=click.IntRange(1, 9999),
    default=1,
    show_default=True,
    help="Number of pairs of each scene, as --repeat of shoot, to estimate time and disk space.",
)
@scene_list_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each aperture.")
def command(
    uris: tuple[str, ...],
    profile: Any,  # noqa: ANN401, ARG001 - it has set the defaults of the other options
    pairs: int,
    scene_list: Path | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - click's options
) -> None:
    """Print the plan of a shoot without shooting.

    Exposure times come from the camera's own list and are compared by true value: "f/22" is f/22.63
    and "1/60" is 1/64 s.
    """
    from defocus.capture.planning.plan import lines_of, read_scene_list
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.taking.running import ShootOptions, each_aperture, plan_on
    from defocus.capture.taking.shots.rig import RigAddress, open_rig

    scenes = () if scene_list is None else read_scene_list(scene_list)
    request, address = BracketRequest.typed(**options), RigAddress.parse(uris)
    with json_output() if as_json else nullcontext() as out, open_rig(address) as rig:
        plans = [plan_on(each, rig) for each in each_aperture(request, rig)]
        numbers = ShootOptions(scene_list=scenes, repeat=pairs).counted(plans)
        if out is None:
            for line in lines_of(numbers, scenes):
                click.echo(line)
            return
        names = [scene.title for scene in scenes]
        for plan, number in numbers:
            out.write({**plan.to_json(number), "pairs": number, "scenes": names})
