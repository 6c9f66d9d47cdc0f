"""``defocus-bench studies ablate``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.benchmark.study.plan import Study
    from defocus.extras.studies.dose.plan import DoseStudy
    from defocus.extras.studies.options import AblatedRows, AblationStudy
    from defocus.processes.machines import Where

HEADINGS = ("Ablation", "Study", "Output")


@click.command(
    name="ablate",
    cls=SettingsCommand,
    models="defocus.extras.studies.options",
    headings=HEADINGS,
    others=HEADINGS[0],
)
@click.argument("objective")
def command(objective: str, rows: "AblatedRows", study: "AblationStudy") -> int:
    """Measure what each part of a training adds.

    OBJECTIVE is one that has an ablation, such as jdrl. The rows follow the table of its
    paper. With --doses, and a dataset that 'defocus-data render' made from a request with doses,
    they are compared with the truth by dose of misalignment.

    Pairs that cannot be read are left out and listed; the exit code is then 1. Run the same command
    again to continue after an interruption.
    """
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.command_line.json_output import json_output
    from defocus.extras.studies.ablation.gains import bin_names
    from defocus.extras.studies.ablation.lines import ablation_of
    from defocus.extras.studies.ablation.study import AskedAblation, ablate
    from defocus.extras.studies.ablation.tables import blur_table, paper_table
    from defocus.extras.studies.dose.plan import dose_study
    from defocus.extras.studies.means import with_left_out
    from defocus.progress import say
    from defocus.storage.files import write_json

    ablation = ablation_of(objective)
    if rows.doses is not None:
        rows.require_by_dose()
        return _by_dose(
            dose_study(ablation, study, rows),
            dry_run=study.dry_run,
            as_json=study.as_json,
            where=study.where,
        )
    rows.require_without_doses()
    asked = AskedAblation.of(
        ablation,
        study.out,
        study.dataset,
        study.budget,
        study.seeds,
        study.settings,
        narrow=rows.narrow,
    )
    if study.dry_run:
        if rows.equal_time:
            say(
                "the trainings of --equal-time are added later: their steps follow from the others"
            )
        return _show_plan([asked.first_study()])
    with json_output() as output:
        measured, outcome = ablate(asked, equal_time=rows.equal_time, where=study.where)
        document = {
            "dataset": study.dataset,
            "circle_of_confusion_px": list(bin_names()),
            "lines": [line.to_json() for line in measured],
        }
        write_json(study.out / "ablation.json", document)
        code = outcome.say_left_out()
        if study.as_json:
            output.write(with_left_out(document, outcome))
    if not study.as_json:
        print_tables(
            [paper_table(ablation.name, measured), blur_table(measured, bin_names())]
        )
    return code


def _by_dose(
    study: "DoseStudy",
    *,
    dry_run: bool,
    as_json: bool,
    where: "Where | None",
) -> int:
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.command_line.json_output import json_output
    from defocus.extras.studies.dose.kept import DOSES
    from defocus.extras.studies.dose.study import run_dose_study
    from defocus.extras.studies.dose.tables import dose_tables
    from defocus.extras.studies.means import with_left_out
    from defocus.progress import say

    if dry_run:
        return _show_plan(study.studies())
    with json_output() as output:
        document, outcome = run_dose_study(study, where)
        code = outcome.say_left_out()
        if as_json:
            output.write(with_left_out(document, outcome))
    if not as_json:
        print_tables(dose_tables(document))
    say(f"{study.out / DOSES}, {study.out / 'report.html'}, {study.out / 'report.pdf'}")
    return code


def _show_plan(studies: "Sequence[Study]") -> int:
    """Print which system trains which row, then the plan."""
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.reports.model import Table

    systems: dict[str, str] = {}
    for study in studies:
        systems |= {label: system for system, label in study.labels.items()}
    print_tables([Table.of("Lines", ("Line", "System"), systems.items())])
    return show_plan(studies)
