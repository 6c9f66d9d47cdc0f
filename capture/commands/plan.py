"""The sub-command ``plan``."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import MODELS, SHOT_HEADINGS
from defocus.command_line.json_output import json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.capture.planning.shoot_settings import BracketSettings, PlanSettings


@help_heading("Prepare")
@click.command(
    name="plan",
    cls=SettingsCommand,
    models=MODELS,
    headings=("Number and times", *SHOT_HEADINGS, "Plan"),
    others="Plan",
)
def command(bracket: "BracketSettings", options: "PlanSettings") -> None:
    """Print the plan of a shoot without shooting.

    Exposure times come from the camera's own list and are compared by true value: "f/22" is f/22.63
    and "1/60" is 1/64 s.
    """
    from defocus.capture.planning.plan import lines_of
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.taking.running import counted_plans, each_aperture, plan_on
    from defocus.capture.taking.shots.rig import RigAddress, open_rig

    request = BracketRequest(**dict(bracket))
    address = RigAddress.parse(bracket.uri)
    scenes = options.scene_list
    with (
        json_output() if options.as_json else nullcontext() as out,
        open_rig(address) as rig,
    ):
        plans = [plan_on(each, rig) for each in each_aperture(request, rig)]
        numbers = counted_plans(options, plans)
        if out is None:
            for line in lines_of(numbers, scenes):
                click.echo(line)
            return
        names = [scene.title for scene in scenes]
        for plan, number in numbers:
            out.write({**plan.to_json(number), "pairs": number, "scenes": names})
