"""``defocus-bench run``."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import SETTINGS
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.benchmark.study.document import StudyDocument
    from defocus.benchmark.study.expansion import Expanded
    from defocus.benchmark.study.options import RunOptions
    from defocus.processes.machines import Where

HEADINGS = ("Systems", "Study", "Execution")


@help_heading("Run")
@click.command(cls=SettingsCommand, models=SETTINGS, headings=HEADINGS)
@click.pass_context
def command(context: click.Context, options: "RunOptions") -> int:
    """Train and evaluate systems.

    The leaderboard and the reports are written to the folder --out.

    Run the same command again to continue after an interruption. 'run --out FOLDER' alone continues
    the study there as it was started.
    """
    if options.file is None and not (options.every or options.only):
        return _continue(context, options)
    _refuse_contradictions(context, options)
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.results.lock import require_study_folder
    from defocus.benchmark.study.document import as_request, note_plugins
    from defocus.benchmark.study.expansion import expand
    from defocus.plugins.consent import give_lines

    if not options.dry_run:
        require_study_folder(options.out)
    document = options.document(all_of_sample=not _is_given(context, "dataset"))
    if options.reuse and document.keep_outputs:
        raise click.UsageError(
            "--reuse takes scores without restored pictures; it cannot be combined with "
            "--keep-outputs, in a study's file too"
        )
    give_lines(document.cluster.setup)
    request = as_request(document, note_plugins())
    words = [] if options.file is not None else options.words
    expanded = expand(request, options.out, words)
    if options.dry_run:
        return show_plan(expanded.studies, expanded.problems)
    if options.reuse and expanded.studies:
        from defocus.benchmark.study.reuse import reuse_results

        reuse_results(expanded.studies, options.reuse)
    return _carry_out(expanded, request, options.where, again=options.again)


def _refuse_contradictions(context: click.Context, options: "RunOptions") -> None:
    if options.job is not None:
        raise click.UsageError("--job is a run of the study in --out; name no systems")
    if options.file is not None:
        _refuse_beside_study(context)
    if options.variants and options.only:
        raise click.UsageError(
            "--variants needs --all; with --only, name variants by a pattern such as 'jnb*'"
        )
    if options.dry_run and options.reuse:
        raise click.UsageError(
            "--reuse cannot be combined with --dry-run, which takes nothing"
        )


def _carry_out(
    expanded: "Expanded",
    document: "StudyDocument",
    where: "Where | None",
    *,
    again: bool = False,
) -> int:
    """Do the remaining work of a study and show its results; return the exit code."""
    from defocus.benchmark.leaderboard.terminal import show_outcome
    from defocus.benchmark.study.launch import end_jobs, run_as_jobs
    from defocus.benchmark.study.run import run_studies
    from defocus.processes.machines import Machines
    from defocus.progress import say

    studies = expanded.studies
    for problem in expanded.problems:
        say(f"left out: {problem}")
    if isinstance(where, Machines):
        where = replace(where, settings=document.cluster)
    if isinstance(where, Machines) and where.address == "slurm":
        outcome = run_as_jobs(studies, document, again=again)
    else:
        end_jobs(studies, document)
        outcome = run_studies(studies, document, again=again, where=where)
    problems = [*expanded.problems, *outcome.problems]
    return show_outcome(replace(outcome, problems=problems), studies)


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


_OF_A_STUDY = frozenset(
    {
        "every",
        "only",
        "variants",
        "scales",
        "dataset",
        "budget",
        "seeds",
        "settings",
        "objectives",
        "leave_out_seen",
    }
)


def _typed(context: click.Context) -> Iterator[tuple[str, str]]:
    """Parameter name and option of everything that was typed."""
    for option in context.command.params:
        name = option.name
        if option.expose_value and name and _is_given(context, name):
            yield name, option.opts[0]


def _refuse_beside_study(context: click.Context) -> None:
    for name, option in _typed(context):
        if name in _OF_A_STUDY:
            raise click.UsageError(
                f"{option} cannot be combined with --study; write it into the file"
            )


def _refuse_beside(
    context: click.Context,
    what: str,
    allowed: AbstractSet[str],
) -> None:
    """Refuse options that would mean nothing."""
    for name, option in _typed(context):
        if name not in allowed:
            raise click.UsageError(f"{option} cannot be combined with {what}")


def _continue(context: click.Context, options: "RunOptions") -> int:
    if options.job is None:
        _require_study(options.out)
        what, allowed = "a study that is continued", {"dry_run", "where"}
    else:
        what, allowed = "--job", {"job"}
    _refuse_beside(context, what, {"out", "workers"} | allowed)
    return continue_study(
        options.out,
        options.job,
        options.where,
        options.workers,
        planned=options.dry_run,
    )


def _require_study(out: Path) -> None:
    from defocus.benchmark.study.document import REQUEST

    if (out / REQUEST).is_file():
        return
    why = "has no study" if out.is_dir() else "does not exist: there is no study"
    raise click.UsageError(
        "give --all for every system, --only PATTERN for some, or --study FILE; "
        f"'defocus-bench list' shows them. {out} {why} to continue; check --out"
    )


def continue_study(
    out: Path,
    job: str | None,
    where: "Where | None" = None,
    workers: int | None = None,
    *,
    planned: bool = False,
) -> int:
    """Continue a study, or its run ``job`` alone, as it was started; or only print its plan."""
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.study.document import (
        REQUEST,
        load_noted,
        note_plugins,
        read_request,
    )
    from defocus.benchmark.study.expansion import expand_all, one_run
    from defocus.benchmark.study.standing import claim_job
    from defocus.plugins.consent import require_lines
    from defocus.processes.machines import Machines
    from defocus.training.parallel import ranks

    request = read_request(out)
    if isinstance(where, Machines) and not planned:
        require_lines(request.cluster.setup, out / REQUEST)
    noted = list(request.plugins)
    for earlier in request.earlier:
        noted += earlier.plugins
    load_noted(noted)
    if given := note_plugins():
        request = request.model_copy(update={"plugins": given})
    requests = (request, *request.earlier)
    # jobs read it from the latest request, which is written again
    if workers is not None:
        requests = tuple(one.with_workers(workers) for one in requests)
    expanded = expand_all(requests, out)
    if planned:
        return show_plan(expanded.studies, expanded.problems)
    if job is None:
        return _carry_out(expanded, requests[0], where)
    one = one_run(expanded, job)
    moved = one.moved(claim_job(out, job))
    if ranks().world > 1:
        return _train_together(moved)
    return _carry_out(moved, requests[0], where)


def _train_together(job: "Expanded") -> int:
    """Train the run of a job in several processes, if it is trained; return the exit code."""
    from defocus.benchmark.study.run import train_study

    (study,) = job.studies
    return train_study(study) if study.runs[0].recipe is not None else 0
