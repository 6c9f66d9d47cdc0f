"""``defocus-bench studies generalise``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.extras.studies.options import GeneralisationStudy, TrainedAndTested

HEADINGS = ("Systems and test datasets", "Study", "Output")


@click.command(
    name="generalise",
    cls=SettingsCommand,
    models="defocus.extras.studies.options",
    headings=HEADINGS,
    others=HEADINGS[0],
)
def command(trained: "TrainedAndTested", study: "GeneralisationStudy") -> int:
    """Train on one dataset and test on others.

    Run the same command again to continue after an interruption."""
    from defocus.baselines.registry import all_baselines
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.benchmark.study.plan import select
    from defocus.command_line.json_output import json_output
    from defocus.extras.studies.generalisation import (
        generalisation_document,
        generalisation_plan,
        generalisation_study,
        generalisation_table,
    )
    from defocus.extras.studies.means import with_left_out

    systems = select(all_baselines(), trained.only)
    asked = (
        study.out,
        study.dataset,
        trained.test,
        systems,
        study.budget,
        study.seeds,
        study.override,
    )
    studies = generalisation_plan(*asked)
    if study.dry_run:
        return show_plan(studies)
    with json_output() as output:
        results, outcome = generalisation_study(studies, study.dataset, study.where)
        code = outcome.say_left_out()
        if study.as_json:
            document = generalisation_document(study.dataset, results)
            output.write(with_left_out(document, outcome))
    if not study.as_json:
        print_tables([generalisation_table(results)])
    return code
