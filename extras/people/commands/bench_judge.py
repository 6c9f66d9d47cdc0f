"""``defocus-bench judge``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.numbers import WholeRange
from defocus.command_line.options import FILE, json_option
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.extras.people.agreement import MetricAgreement
    from defocus.extras.people.answers import Judged


@help_heading("Study")
@click.command()
@click.argument("answers", nargs=-1, type=FILE, metavar="[ANSWERS]…")
@out_option
@click.option(
    "--page",
    type=FILE,
    metavar="FILE",
    help="Write the page of comparisons, then exit.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Systems to compare; repeatable.",
)
@click.option(
    "--judgements",
    type=WholeRange(min=10),
    default=200,
    show_default=True,
    help="Number of comparisons on the page.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the page's trials.")
@json_option()
def command(
    answers: tuple[Path, ...],
    out: Path,
    page: Path | None,
    only: tuple[str, ...],
    judgements: int,
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Let people compare the systems.

    --page FILE writes a page that opens offline: two pictures side by side, no names, keys to
    answer. Each person saves a file; 'judge ANSWERS…' evaluates these files: strengths with
    intervals, agreement, marks of invented content, and how far each metric agrees with people.
    The study's report shows the last evaluation.
    """
    from defocus.progress import say

    if (page is None) == (not answers):
        raise click.UsageError("give --page FILE, or the files that people saved")
    if page is not None:
        _write_page(out, page, only, judgements, seed)
        return
    _evaluate(answers, out, as_json)
    say(f"'defocus-bench report --out {out}' shows it too")


def _evaluate(answers: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Evaluate the files that people saved."""
    from dataclasses import asdict

    from defocus.benchmark.results.store import STORE, read_results
    from defocus.command_line.json_output import json_output
    from defocus.extras.people.agreement import metric_agreement
    from defocus.extras.people.answers import judged, read_people, write_judged
    from defocus.extras.people.trials import read_plan

    with json_output() as output:
        trials = read_plan(out)
        result = judged(trials, read_people(answers, trials))
        with read_results(out / STORE) as results:
            agreements = metric_agreement(results, result.strengths)
        write_judged(out, result)
        if as_json:
            output.write({**result.to_json(), "metrics": list(map(asdict, agreements))})
    if not as_json:
        _show(result, agreements)


def _write_page(
    out: Path,
    page: Path,
    only: tuple[str, ...],
    judgements: int,
    seed: int,
) -> None:
    """Write the page of comparisons."""
    from fnmatch import fnmatchcase

    from defocus.extras.people.page import judging_page, shared_pairs
    from defocus.extras.people.trials import pictures_of, plan_trials, write_plan
    from defocus.storage.files import write_text

    folders = pictures_of(out)
    names = [name for name in folders if any(fnmatchcase(name, one) for one in only)]
    chosen = {name: folders[name] for name in (names if only else folders)}
    trials = plan_trials(
        list(chosen),
        shared_pairs(chosen) if chosen else [],
        judgements,
        seed,
    )
    write_text(page, judging_page(chosen, trials))
    write_plan(out, trials)
    click.echo(str(page))


def _show(result: "Judged", agreements: "list[MetricAgreement]") -> None:
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.extras.people.tables import (
        judged_words,
        metrics_tables,
        strengths_table,
    )

    print_tables([strengths_table(result), *metrics_tables(agreements)])
    for sentence in judged_words(result):
        click.echo(sentence)
