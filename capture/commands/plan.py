"""The sub-command ``plan``."""

from typing import Any

import click

from defocus.capture.commands._options import SHOT_SECTIONS, bracket_options, cameras_option
from defocus.command_line.commands import SectionedCommand, json_output

__all__ = ["command"]

SECTIONS = {
    **SHOT_SECTIONS,
    "Plan": ("--settings", "--distances", "--pairs", "--json"),
}


@click.command(name="plan", cls=SectionedCommand, sections=SECTIONS)
@cameras_option
@bracket_options
@click.option(
    "--pairs",
    type=click.IntRange(1, 9999),
    default=1,
    show_default=True,
    help="Number of pairs, to estimate time and disk space.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each aperture.")
def command(
    uris: tuple[str, ...],
    profile: Any,  # noqa: ANN401, ARG001 - it has set the defaults of the other options
    pairs: int,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - click's options
) -> None:
    """Print the plan of a shoot without shooting.

    Exposure times come from the camera's own list and are compared by true value: "f/22" is f/22.63
    and "1/60" is 1/64 s.
    """
    from defocus.capture.planning.plan import lines_of
    from defocus.capture.planning.request import BracketRequest
    from defocus.capture.taking.running import each_aperture, plan_on
    from defocus.capture.taking.shots.rig import RigAddress, open_rig

    request, address = BracketRequest.typed(**options), RigAddress.parse(uris)
    if as_json:
        with json_output() as out, open_rig(address) as rig:
            for each in each_aperture(request, rig):
                out.write(plan_on(each, rig).to_json(pairs))
        return
    with open_rig(address) as rig:
        plans = [(plan_on(each, rig), pairs) for each in each_aperture(request, rig)]
        for line in lines_of(plans):
            click.echo(line)
