"""``defocus-bench studies misalignment``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.extras.studies.options import InjectedMisalignment, MisalignmentStudy

HEADINGS = ("Misalignment", "Study", "Output")


@click.command(
    name="misalignment",
    cls=SettingsCommand,
    models="defocus.extras.studies.options",
    headings=HEADINGS,
    others=HEADINGS[0],
)
def command(injected: "InjectedMisalignment", study: "MisalignmentStudy") -> int:
    """Measure the effect of known misalignment.

    Systems are trained on rendered pairs with known shifts and zooms, and scored against the ground
    truth.

    Run the same command again to continue after an interruption.
    """
    from defocus.baselines.registry import all_baselines
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.benchmark.study.plan import select
    from defocus.command_line.json_output import json_output
    from defocus.extras.studies.means import with_left_out
    from defocus.extras.studies.misalignment import (
        conditions,
        misalignment_document,
        misalignment_plan,
        misalignment_study,
        misalignment_table,
    )

    systems = select(all_baselines(), injected.only)
    amounts = conditions(injected.shifts, injected.zooms)
    place = (study.out, study.dataset, systems, study.budget, study.seeds)
    studies = misalignment_plan(*place, study.override, amounts)
    if study.dry_run:
        return show_plan(studies)
    with json_output() as output:
        rows, outcome = misalignment_study(studies, study.dataset, amounts, study.where)
        code = outcome.say_left_out()
        if study.as_json:
            document = misalignment_document(study.dataset, rows)
            output.write(with_left_out(document, outcome))
    if not study.as_json:
        print_tables([misalignment_table(rows)])
    return code
