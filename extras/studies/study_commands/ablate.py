"""``defocus-bench studies ablate``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.benchmark.study.plan import Study
    from defocus.extras.studies.dose.plan import DoseStudy
    from defocus.extras.studies.options import AblationStudy
    from defocus.machines import Where

HEADINGS = ("Ablation", "Study", "Output")


class Doses(click.ParamType[tuple[float, ...]]):
    """Doses with commas between; ``all`` is an empty tuple."""

    name = "doses"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, ...]:
        """The doses, px."""
        if isinstance(value, tuple) or value == "all":
            return () if value == "all" else value
        try:
            return tuple(float(one) for one in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers, such as 0,2,8, or 'all'.", param, ctx)


@click.command(
    name="ablate",
    cls=SettingsCommand,
    models="defocus.extras.studies.options",
    headings=HEADINGS,
    others=HEADINGS[0],
)
@click.argument("objective")
@click.option(
    "--narrow",
    is_flag=True,
    help="Use networks of 16 channels and 2000 steps of 64 px: minutes per row on a CPU.",
)
@click.option(
    "--network",
    metavar="SYSTEM",
    default="",
    help="With --doses: train the network of this system instead of a small U-Net: with --narrow "
    "its narrow copy, such as nafnet; with --from from given weights; one of --plugin as it is, "
    "by default for 2000 steps of 64 px.",
)
@click.option(
    "--from",
    "source",
    metavar="WEIGHTS",
    help="Weights that the training starts from instead of random ones: 'own' (shipped with the "
    "package), a label of 'weights list', or a file. Results are not ranked.",
)
@click.option(
    "--equal-time",
    is_flag=True,
    help="Also train the plain loss and its controls for as long as the objective takes.",
)
@click.option(
    "--doses",
    metavar="PX,PX,...",
    type=Doses(),
    help="Train every row with each of these doses of misalignment, in this order; 'all' for every "
    "dose of the dataset.",
)
@click.option(
    "--central",
    is_flag=True,
    help="With --doses: only the blurry input, the plain loss, the whole objective, its rivals "
    "(training on registered pairs), and the controls.",
)
@click.option(
    "--line",
    "lines",
    metavar="LABEL",
    multiple=True,
    help="With --doses: only this row, beside the blurry input, the plain loss, the whole "
    "objective and the control on true pairs; may be repeated. A row is named as in the table, "
    "with or without its number; an unknown name lists all.",
)
def command(
    objective: str,
    study: "AblationStudy",
    *,
    narrow: bool,
    network: str,
    source: str | None,
    equal_time: bool,
    doses: tuple[float, ...] | None,
    central: bool,
    lines: tuple[str, ...],
) -> int:
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
    from defocus.extras.studies.ablation.study import ablate, ablation_plan
    from defocus.extras.studies.ablation.tables import blur_table, paper_table
    from defocus.extras.studies.dose.plan import dose_study
    from defocus.files import write_json
    from defocus.progress import say

    ablation = ablation_of(objective)
    out, dataset = study.out, study.dataset
    budget, seeds, settings = study.budget, study.seeds, study.settings
    if doses is not None:
        if equal_time:
            raise click.UsageError("--equal-time does not go with --doses; leave one out")
        if central and lines:
            raise click.UsageError("--line does not go with --central; leave one out")
        return _by_dose(
            dose_study(ablation, out, dataset, doses, budget, seeds, settings,
                       narrow=narrow, network=network, start=source, central=central, chosen=lines),
            dry_run=study.dry_run, as_json=study.as_json, where=study.where,
        )  # fmt: skip
    alone = {"--central": central, "--network": network, "--from": source, "--line": lines}
    for option in (name for name, given in alone.items() if given):
        raise click.UsageError(f"{option} goes with --doses; add --doses, or leave it out")
    if study.dry_run:
        if equal_time:
            say("the trainings of --equal-time are added later: their steps follow from the others")
        return _show_plan(
            [ablation_plan(ablation, out, dataset, budget, seeds, settings, narrow=narrow)]
        )
    with json_output() as output:
        measured, outcome = ablate(
            ablation, out, dataset, budget, seeds, settings,
            narrow=narrow, equal_time=equal_time, where=study.where,
        )  # fmt: skip
        document = {
            "dataset": dataset,
            "circle_of_confusion_px": list(bin_names()),
            "lines": [line.to_json() for line in measured],
        }
        write_json(out / "ablation.json", document)
        code = outcome.say_left_out()
        if study.as_json:
            left_out = [one.to_json() for one in outcome.left_out]
            output.write({**document, "left_out": left_out})
    if not study.as_json:
        print_tables([paper_table(ablation.name, measured), blur_table(measured, bin_names())])
    return code


def _by_dose(study: "DoseStudy", *, dry_run: bool, as_json: bool, where: "Where | None") -> int:
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.command_line.json_output import json_output
    from defocus.extras.studies.dose.kept import DOSES
    from defocus.extras.studies.dose.study import run_dose_study
    from defocus.extras.studies.dose.tables import dose_tables
    from defocus.progress import say

    if dry_run:
        return _show_plan(study.studies())
    with json_output() as output:
        document, outcome = run_dose_study(study, where)
        code = outcome.say_left_out()
        if as_json:
            left_out = [one.to_json() for one in outcome.left_out]
            output.write({**document, "left_out": left_out})
    if not as_json:
        print_tables(dose_tables(document))
    say(f"{study.out / DOSES}, {study.out / 'report.html'}, {study.out / 'report.pdf'}")
    return code


def _show_plan(studies: "Sequence[Study]") -> int:
    """Print which system trains which row, then the plan."""
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.reports.model import Table

    labels = {label: system for one in studies for system, label in one.labels.items()}
    print_tables([Table.of("Lines", ("Line", "System"), tuple(labels.items()))])
    return show_plan(studies)
