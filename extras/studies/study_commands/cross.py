"""``defocus-bench studies cross``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.extras.studies.options import CrossStudy

HEADINGS = ("Weights and datasets", "Output")


@click.command(
    name="cross",
    cls=SettingsCommand,
    models="defocus.extras.studies.options",
    headings=HEADINGS,
)
@click.argument("names", nargs=-1, metavar="[NAME[:LABEL]]…")
def command(names: tuple[str, ...], study: "CrossStudy") -> int:
    """Compare gains across datasets.

    NAME is a system with the weights that the package ships; NAME:LABEL is the system with the
    weights of a file or of a label of 'weights list'. By default all shipped weights are compared.
    Each restores the test pictures of every dataset, and its gain in PSNR over the blurry input,
    with an interval, is shown next to the gains that papers print for networks trained elsewhere. A
    gain that was not measured on the whole test set is replaced by the reason.

    Run the same command again to continue after an interruption.
    """
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.leaderboard.terminal import print_tables, say_incomplete
    from defocus.command_line.json_output import json_output
    from defocus.extras.studies.cross import (
        cross_gains,
        cross_plan,
        row_name,
        weighted_systems,
    )
    from defocus.extras.studies.cross_tables import (
        cross_document,
        cross_markdown,
        cross_tables,
    )
    from defocus.extras.studies.means import with_left_out
    from defocus.storage.files import write_json_if_changed, write_text

    weighted = weighted_systems(names, scales=study.scales)
    if study.dry_run:
        plan = cross_plan(study.out, study.dataset, weighted)
        return show_plan(plan.studies, plan.problems)
    with json_output() as output:
        gains, outcome, studies = cross_gains(
            study.out,
            study.dataset,
            weighted,
            study.where,
        )
        systems = {}
        for system, stored in weighted:
            systems[row_name(system.card.name, stored)] = stored.trained_on
        document = cross_document(systems, gains)
        write_json_if_changed(study.out / "cross.json", document)
        write_text(study.out / "cross.md", cross_markdown(systems, gains))
        code = say_incomplete(outcome, studies)
        if study.as_json:
            output.write(with_left_out(document, outcome))
    if not study.as_json:
        print_tables(*cross_tables(systems, gains))
    return code
