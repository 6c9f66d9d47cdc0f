"""``defocus-bench run``."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
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
from defocus.command_line.options import ShardOption
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.baselines.recipe import BudgetName
    from defocus.benchmark.study.launch import Launcher


FOLDER = click.Path(path_type=Path, file_okay=False)
MISALIGNED = ("sample:strong",)
"""Where the first run shows what JDRL is for: pairs that are off by several pixels."""

SECTIONS = {
    "Systems": ("--all", "--only", "--variants", "--objective"),
    "Study": ("--dataset", "--budget", "--settings", "--seeds", "--study", "--out"),
    "Execution": (
        "--launcher",
        "--job",
        "--shard",
        "--merge",
        "--workers",
        "--again",
        "--keep-outputs",
        "--dry-run",
    ),
}


@help_heading("Run")
@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("folders", metavar="[PART]…", nargs=-1, type=FOLDER)
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
    "its own --out, then --merge them.",
)
@click.option(
    "--merge",
    is_flag=True,
    help="Copy the finished runs of the folders PART to --out, which keeps those that it has.",
)
@click.option(
    "--job",
    metavar="RUN",
    help="Do only this run of the study in --out, in its own folder under jobs/.",
)
@workers_option
@keep_outputs_option
@again_option
@dry_run_option
@launcher_option
@click.pass_context
def command(
    context: click.Context,
    folders: tuple[Path, ...],
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
    job: str | None,
    workers: int | None,
    *,
    merge: bool,
    keep_outputs: bool,
    again: bool,
    dry_run: bool,
    launcher: "Launcher",
) -> int:
    """Train and evaluate systems.

    The leaderboard and the reports are written to the folder --out.

    Run the same command again to continue after an interruption. 'run --out FOLDER' alone continues
    the study there as it was started.
    """
    if merge or folders:
        _refuse_beside(context, "--merge", {"merge", "out", "folders"})
        return _merge(out, folders, named=merge)
    if file is None and not (every or only):
        return _continue(context, out, job, launcher)
    if job is not None:
        raise click.UsageError("--job is a run of the study in --out; name no systems")
    if file is not None:
        _refuse_beside_study(context)
    if variants and only:
        raise click.UsageError(
            "--variants needs --all; with --only, name variants by a pattern such as 'jnb*'"
        )
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.study.document import as_request, load_document, note_plugins
    from defocus.benchmark.study.expansion import document_of, expand_request
    from defocus.benchmark.study.launch import carry_out
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


def _typed(context: click.Context) -> dict[str, str]:
    """The options that were typed, by parameter."""
    return {
        one.name: one.opts[0]
        for one in context.command.params
        if one.expose_value and one.name and _is_given(context, one.name)
    }


def _refuse_beside_study(context: click.Context) -> None:
    given = [option for name, option in _typed(context).items() if name in _OF_A_STUDY]
    if given:
        raise click.UsageError(
            f"{given[0]} cannot be combined with --study; write it into the file"
        )


def _refuse_beside(context: click.Context, what: str, allowed: AbstractSet[str]) -> None:
    """Refuse options that would mean nothing."""
    given = [option for name, option in _typed(context).items() if name not in allowed]
    if given:
        raise click.UsageError(f"{given[0]} cannot be combined with {what}")


def _continue(context: click.Context, out: Path, job: str | None, launcher: "Launcher") -> int:
    from defocus.benchmark.study.document import REQUEST

    if job is None and not (out / REQUEST).is_file():
        raise click.UsageError(
            "give --all for every system, --only PATTERN for some, or --study FILE; "
            f"'defocus-bench list' shows them. {out} has no study to continue"
        )
    _refuse_beside(context, "a study that is continued", {"out", "job", "launcher"})
    if job is not None and launcher != "here":
        raise click.UsageError(
            "--job does one run in this process; it cannot be combined with --launcher"
        )
    return continue_study(out, job, launcher)


def _merge(out: Path, folders: Sequence[Path], *, named: bool) -> int:
    if not (named and folders):
        raise click.UsageError("--merge and the folders of parts go together: --merge PART…")
    from defocus.benchmark.results.merging import merge_studies
    from defocus.progress import counted, say

    merged = merge_studies(out, folders)
    say(f"{counted(len(merged.taken), 'run')} copied, {len(merged.kept)} already there")
    say(str(out / "leaderboard.csv"))
    return 0


def continue_study(out: Path, job: str | None, launcher: "Launcher") -> int:
    """Continue a study, or its run ``job`` alone, with the settings that it was started with."""
    from defocus.benchmark.study.document import load_noted, note_plugins, read_request
    from defocus.benchmark.study.expansion import expand_all, one_run
    from defocus.benchmark.study.launch import carry_out
    from defocus.benchmark.study.standing import claim_job

    request = read_request(out)
    load_noted([noted for one in (request, *request.earlier) for noted in one.plugins])
    if given := note_plugins():
        request = request.model_copy(update={"plugins": given})
    expanded = expand_all((request, *request.earlier), out)
    if job is None:
        return carry_out(expanded, request, launcher)
    one = one_run(expanded, job)
    return carry_out(one.moved(claim_job(out, job)), request, launcher)
