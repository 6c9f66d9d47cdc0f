"""``defocus-bench judge``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.options import FILE
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.extras.people.agreement import MetricAgreement
    from defocus.extras.people.answers import Judged
    from defocus.extras.people.commands._settings import JudgeSettings


@help_heading("Study")
@click.command(cls=SettingsCommand)
@click.argument("answers", nargs=-1, type=FILE, metavar="[ANSWERS]…")
def command(answers: tuple[Path, ...], settings: "JudgeSettings") -> None:
    """Let people compare the systems.

    --page FILE writes a page that opens offline: two pictures side by side, no names, keys to
    answer. Each person saves a file; 'judge ANSWERS…' evaluates these files: strengths with
    intervals, agreement, marks of invented content, and how far each metric agrees with people.
    The study's report shows the last evaluation.
    """
    from defocus.progress import say

    page = settings.page
    if (page is None) == (not answers):
        raise click.UsageError("give --page FILE, or the files that people saved")
    if page is not None:
        _write_page(settings, page)
        return
    _evaluate(answers, settings.out, settings.as_json)
    say(f"'defocus-bench report --out {settings.out}' shows it too")


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


def _write_page(settings: "JudgeSettings", page: Path) -> None:
    """Write the page of comparisons."""
    from fnmatch import fnmatchcase

    from defocus.extras.people.page import judging_page, shared_pairs
    from defocus.extras.people.trials import pictures_of, plan_trials, write_plan
    from defocus.storage.files import write_text

    only = settings.only
    chosen = {}
    for name, folder in pictures_of(settings.out).items():
        is_named = any(fnmatchcase(name, pattern) for pattern in only)
        if is_named or not only:
            chosen[name] = folder
    trials = plan_trials(
        list(chosen),
        shared_pairs(chosen) if chosen else [],
        settings.judgements,
        settings.seed,
    )
    write_text(page, judging_page(chosen, trials))
    write_plan(settings.out, trials)
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
