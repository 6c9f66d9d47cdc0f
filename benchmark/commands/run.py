"""``defocus-bench run``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import (
    again_option,
    dry_run_option,
    keep_outputs_option,
    launcher_option,
    study_options,
    workers_option,
)
from defocus.command_line.commands import SectionedCommand
from defocus.command_line.shard_option import ShardOption
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.baselines.recipes.recipe import BudgetName
    from defocus.benchmark.launch.start import Launcher

MISALIGNED = ("sample:strong",)
"""Where the first run shows what JDRL is for: pairs that are off by several pixels."""

SECTIONS = {
    "Systems": ("--all", "--only", "--variants", "--objective"),
    "Study": ("--dataset", "--budget", "--settings", "--seeds", "--study", "--out"),
    "Execution": (
        "--launcher",
        "--shard",
        "--workers",
        "--again",
        "--keep-outputs",
        "--dry-run",
    ),
}


@help_heading("Run")
@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Run all registered systems except variants. Networks whose weights come with the package "
    "are evaluated with these and not trained. Without --dataset, JDRL is also compared on "
    "'sample:strong'.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Run systems whose whole name matches this shell pattern, including variants; repeatable.",
)
@click.option("--variants", is_flag=True, help="With --all: also run variants of systems.")
@click.option(
    "--study",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="TOML file with datasets, systems, objectives, seeds and budget, instead of the options.",
)
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    metavar="NAME",
    help="Train each network with this objective, such as 'jdrl'; repeatable. Results are named "
    "NAME-SYSTEM.",
)
@study_options(several_datasets=True)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of seeds to train and average.",
)
@click.option(
    "--shard",
    type=ShardOption(),
    metavar="I/N",
    help="Do only part I of N, to share a study between computers without a scheduler. Give each "
    "its own --out, then 'merge' them.",
)
@workers_option
@keep_outputs_option
@again_option
@dry_run_option
@launcher_option
@click.pass_context
def command(
    context: click.Context,
    every: bool,
    only: tuple[str, ...],
    variants: bool,
    file: Path | None,
    objectives: tuple[str, ...],
    out: Path,
    dataset: tuple[str, ...],
    budget: "BudgetName",
    seeds: int,
    settings: Path | None,
    shard: tuple[int, int] | None,
    workers: int | None,
    *,
    keep_outputs: bool,
    again: bool,
    dry_run: bool,
    launcher: "Launcher",
) -> int:
    """Train and evaluate systems.

    The leaderboard and the reports are written to the folder --out.

    Run the same command again to continue after an interruption.
    """
    if file is None and not (every or only):
        raise click.UsageError(
            "give --all for every system, --only PATTERN for some, or --study FILE; "
            "'defocus-bench list' shows them"
        )
    if file is not None:
        _refuse_beside_study(context)
    if variants and only:
        raise click.UsageError(
            "--variants needs --all; with --only, name variants by a pattern such as 'jnb*'"
        )
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.launch.start import carry_out
    from defocus.benchmark.study.document import as_request, load_document
    from defocus.benchmark.study.expansion import expand_request
    from defocus.benchmark.study.plugin_files import note_plugins
    from defocus.benchmark.study.request import document_of
    from defocus.files import require_writable

    if not dry_run:
        require_writable(out)
    options: list[str] = []
    if file is not None:
        document = load_document(file)
    else:
        document, options = document_of(
            dataset, budget, only, seeds, settings, variants=variants, objectives=objectives
        )
        if every and not only and budget == "demo" and not _is_given(context, "dataset"):
            document = document.model_copy(update={"misaligned": MISALIGNED})
    if keep_outputs:
        document = document.model_copy(update={"keep_outputs": True})
    document = document.for_this_device()
    if workers is not None:
        document = document.with_workers(workers)
    request = as_request(document, shard, note_plugins())
    expanded = expand_request(request, out, options)
    if dry_run:
        return show_plan(expanded.studies, expanded.problems)
    return carry_out(expanded, request, launcher, again=again)


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


_OF_A_STUDY = frozenset(
    {"every", "only", "variants", "dataset", "budget", "seeds", "settings", "objectives"}
)


def _refuse_beside_study(context: click.Context) -> None:
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in _OF_A_STUDY and _is_given(context, parameter.name)
    ]
    if given:
        raise click.UsageError(
            f"{given[0]} cannot be combined with --study; write it into the file"
        )
