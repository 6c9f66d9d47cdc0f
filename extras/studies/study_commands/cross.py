"""``defocus-bench studies cross``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.commands import SectionedCommand
from defocus.command_line.options import FOLDER, json_option
from defocus.command_line.where import on_option

if TYPE_CHECKING:  # it imports pydantic
    from defocus.machines import Where

SECTIONS = {
    "Weights and datasets": ("--weights", "--scales", "--dataset"),
    "Output": ("--out", "--on", "--settings", "--dry-run", "--json"),
}


@click.command(name="cross", cls=SectionedCommand, sections=SECTIONS)
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option(
    "--weights",
    default="own",
    show_default=True,
    metavar="LABEL_OR_FILE",
    help="'own' for the weights that the package ships, or with one NAME a label of 'weights "
    "list' or a file.",
)
@click.option(
    "--scales",
    is_flag=True,
    help="Also evaluate each network at the scales that the blur of a picture asks for, as "
    "NAME@scales.",
)
@click.option(
    "--dataset",
    multiple=True,
    metavar="READER:PATH",
    help="Test on this dataset, such as dpdd:PATH, realdof:PATH or lfdof:PATH; repeatable.",
)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("defocus-cross"),
    show_default=True,
    help="Folder of the study; finished runs in it are not repeated. The tables are written to "
    "its cross.json and cross.md.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and its estimated cost, then exit.")
@on_option("Number of pictures scored at once, in processes of their own.")
@json_option()
def command(
    names: tuple[str, ...],
    weights: str,
    dataset: tuple[str, ...],
    out: Path,
    where: "Where",
    *,
    scales: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Compare gains across datasets.

    NAME is a system; by default those whose weights the package ships. Each restores the test
    pictures of every dataset, and its gain in PSNR over the blurry input, with an interval, is
    shown beside the gains that papers print for what was trained elsewhere. What was not measured
    on the whole test set has no number, but a reason.

    Run the same command again to continue after an interruption.
    """
    if weights != "own" and len(names) != 1:
        raise click.UsageError("weights belong to one system: give one NAME")
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.leaderboard.terminal import print_tables, say_incomplete
    from defocus.command_line.json_output import json_output
    from defocus.extras.studies.cross import cross_gains, cross_plan, weighted_systems
    from defocus.extras.studies.cross_tables import cross_document, cross_markdown, cross_tables
    from defocus.files import write_json_if_changed, write_text

    weighted = weighted_systems(names, weights, scales=scales)
    if dry_run:
        plan = cross_plan(out, dataset, weighted)
        return show_plan(plan.studies, plan.problems)
    with json_output() as output:
        gains, outcome, studies = cross_gains(out, dataset, weighted, where)
        systems = {system.card.name: stored.trained_on for system, stored in weighted}
        document = cross_document(systems, gains)
        write_json_if_changed(out / "cross.json", document)
        write_text(out / "cross.md", cross_markdown(systems, gains))
        code = say_incomplete(outcome, studies)
        if as_json:
            left_out = [one.to_json() for one in outcome.left_out]
            output.write({**document, "left_out": left_out})
    if not as_json:
        print_tables(*cross_tables(systems, gains))
    return code
