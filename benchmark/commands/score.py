"""``defocus-bench score``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.benchmark.external_results.as_printed import AsPrinted
    from defocus.benchmark.external_results.options import ScoreOptions
    from defocus.benchmark.external_results.scoring import Scoring

_PATH = click.Path(path_type=Path)

MODELS = "defocus.benchmark.external_results.options"
HEADINGS = ("Pictures", "Metrics", "Printed numbers", "Output")


@help_heading("Restore")
@click.command(cls=SettingsCommand, models=MODELS, headings=HEADINGS)
@click.argument("two", nargs=-1, type=_PATH, metavar="[RESTORED SHARP]")
def command(two: tuple[Path, ...], options: "ScoreOptions") -> int:
    """Score pictures that another program restored.

    RESTORED and SHARP are two pictures, or two folders as with the options. Files of folders are
    matched by their names, and what was matched is listed. The exit code is 1 if some pictures are
    missing or cannot be scored; the others are scored. It is 2 if none can be scored, and no row is
    added then. In a leaderboard the row is marked, and ranked with systems that were not trained
    there.
    """
    if options.as_printed is not None or options.like is not None:
        _require_pictures_alone(options)
        return _explain(two, options)
    restored, sharp = _pictures(two, options)
    options = options.model_copy(update={"restored": restored, "sharp": sharp})
    if (sharp is None) == (options.dataset is None):
        raise click.UsageError("give either --sharp DIR or --dataset DATASET")
    _require_whole_row(options)
    from defocus.benchmark.results.lock import require_study_folder
    from defocus.command_line.json_output import json_output
    from defocus.errors import ImageError

    if options.out is not None:
        require_study_folder(options.out)
    with json_output() as output:
        scoring = _scored(options)
        if options.as_json:
            output.write(scoring.to_json())
    if not options.as_json:
        _show(scoring)
    if scoring.left_out and not scoring.images:
        return ImageError.exit_code
    return 1 if scoring.missing or scoring.left_out else 0


def _require_pictures_alone(options: "ScoreOptions") -> None:
    default = type(options).model_fields["profile"].default
    others = (
        options.profile != default,
        options.crop,
        options.metric,
        options.flow_weights,
        options.out,
        options.name,
    )
    if any(others):
        raise click.UsageError(
            "--as-printed and --like take pictures, --dataset and --match alone"
        )


def _require_whole_row(options: "ScoreOptions") -> None:
    """Refuse incomplete options for a row of a study."""
    if options.out is None and options.name is None:
        return
    if None in (options.out, options.name, options.dataset):
        raise click.UsageError("a row of a study needs --out, --name and --dataset")


def _scored(options: "ScoreOptions") -> "Scoring":
    """The scores, which are added to a study if one is named, unless there are none at all."""
    from defocus.cluster.dispatcher import start_early

    start_early("defocus.benchmark.external_results.scoring", options.where)

    from defocus.benchmark.external_results.row import record_scoring, score_request
    from defocus.processes.isolation import Killed, say_left_out
    from defocus.progress import say

    out, name, dataset = options.out, options.name, options.dataset
    scoring = score_request(options)
    some = scoring.images or not scoring.left_out
    killed = any(isinstance(one, Killed) for one in scoring.left_out)
    if killed and out is not None:
        say("no row is added; give the same command again", error=True)
    elif some and out is not None and name is not None and dataset is not None:
        record_scoring(out, name, dataset, scoring, options.flow_weights)
    pictures = len(scoring.images) + len(scoring.left_out)
    say_left_out(scoring.left_out, pictures, "picture")
    for warning in scoring.warnings:
        say(warning, error=True)
    return scoring


def _pictures(
    two: tuple[Path, ...],
    options: "ScoreOptions",
) -> tuple[Path, Path | None]:
    """Restored and sharp pictures, however they were given."""
    if len(two) == 2 and options.restored is None and options.sharp is None:
        return two[0], two[1]
    if two or options.restored is None:
        raise click.UsageError(
            "give two pictures, RESTORED SHARP, or folders with --restored"
        )
    return options.restored, options.sharp


def _explain(two: tuple[Path, ...], options: "ScoreOptions") -> int:
    """Find the conventions of printed rows; return the exit code."""
    from defocus.benchmark.external_results.as_printed import as_printed_table
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.command_line.json_output import json_output
    from defocus.errors import ImageError
    from defocus.processes.isolation import say_left_out

    with json_output() as output:
        result = _explained(two, options)
        say_left_out(result.left_out, result.pictures + len(result.left_out), "picture")
        if options.as_json:
            output.write(result.to_json())
    if not options.as_json and result.explanations:
        table, notes = as_printed_table(result)
        print_tables([table], notes)
    if not result.pictures:
        return ImageError.exit_code
    return 0 if result.reproduced else 1


def _explained(two: tuple[Path, ...], options: "ScoreOptions") -> "AsPrinted":
    """Conventions that explain the printed rows, by a dataset or by blurry and sharp pictures."""
    from defocus.benchmark.external_results.as_printed import (
        as_printed,
        as_printed_of_dataset,
        pairs_of_folders,
    )
    from defocus.benchmark.published.printed_input import own_row, printed_rows

    rows = [] if options.as_printed is None else printed_rows(options.as_printed)
    if options.like is not None:
        rows.append(own_row(options.like))
    if options.dataset is not None:
        if two or options.restored or options.sharp:
            raise click.UsageError(
                "--dataset has the blurry and the sharp pictures; give no others"
            )
        return as_printed_of_dataset(rows, options.dataset, options.where)
    blurry, sharp = _pictures(two, options)
    if sharp is None:
        raise click.UsageError(
            "give the blurry and the sharp pictures, or --dataset DATASET"
        )
    return as_printed(
        rows,
        pairs_of_folders(blurry, sharp, options.rule),
        options.where,
    )


def _show(scoring: "Scoring") -> None:
    from defocus.benchmark.external_results.row import scoring_table
    from defocus.benchmark.leaderboard.terminal import print_tables

    if scoring.images:
        print_tables([scoring_table(scoring)])
    count = len(scoring.images)
    wanted = count + len(scoring.missing) + len(scoring.left_out)
    click.echo(f"{count} of {wanted} pictures scored, matched by {scoring.matched}")
    for title, names in (("missing", scoring.missing), ("extra", scoring.extra)):
        if names:
            click.echo(f"{title}: {', '.join(names)}")
