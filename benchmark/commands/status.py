"""``defocus-bench status``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:  # it imports pydantic
    from defocus.benchmark.commands._settings import StatusSettings


@help_heading("Run")
@click.command(cls=SettingsCommand)
def command(settings: "StatusSettings") -> int:
    """Show the state of each run of a study.

    The exit code is 1 if a run has failed. Nothing is written."""
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.benchmark.results.lock import is_locked
    from defocus.benchmark.results.run_folder import left_out_of_study
    from defocus.benchmark.study.document import tell_missing
    from defocus.benchmark.study.standing import queue_of, standing_of, standing_table
    from defocus.command_line.json_output import json_output

    out = settings.out
    tell_missing(out)
    queue = queue_of(out)
    standings = standing_of(out, queue)
    working = is_locked(out)
    if settings.as_json:
        with json_output() as output:
            runs = [one.to_json() for one in standings]
            left_out = [one.to_json() for one in left_out_of_study(out)]
            state = {"working": working, "queue_problem": queue.problem, "runs": runs}
            output.write({**state, "left_out": left_out})
    else:
        print_tables([standing_table(standings, queue, working=working)])
    return 1 if any(one.state == "failed" for one in standings) else 0
