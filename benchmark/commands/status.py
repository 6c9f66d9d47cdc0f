"""``defocus-bench status``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.verbs import help_heading


@help_heading("Run")
@click.command()
@out_option
@click.option(
    "--page",
    is_flag=True,
    help="Show the study, or all studies below --out, live in the browser until Ctrl-C.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="With --page: port on this computer; by default any free one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(out: Path, port: int | None, *, page: bool, as_json: bool) -> int:
    """Show the state of each run of a study.

    The exit code is 1 if a run has failed. --page prints an address, which can be reached from this
    computer only. Nothing is written.
    """
    if port is not None and not page:
        raise click.UsageError("--port goes with --page")
    if page and as_json:
        raise click.UsageError("--json cannot be combined with --page")
    if page:
        _serve(out, port or 0)
        return 0
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.benchmark.results.left_out import left_out_of_study
    from defocus.benchmark.results.lock import is_locked
    from defocus.benchmark.study.plugin_files import tell_missing
    from defocus.benchmark.study.standing import queue_of, standing_of, standing_table
    from defocus.command_line.json_output import json_output

    tell_missing(out)
    queue = queue_of(out)
    standings = standing_of(out, queue)
    working = is_locked(out)
    if as_json:
        with json_output() as output:
            runs = [one.to_json() for one in standings]
            left_out = [one.to_json() for one in left_out_of_study(out)]
            told = {"working": working, "queue_problem": queue.problem, "runs": runs}
            output.write({**told, "left_out": left_out})
    else:
        print_tables([standing_table(standings, queue, working=working)])
    return 1 if any(one.state == "failed" for one in standings) else 0


def _serve(folder: Path, port: int) -> None:
    from defocus.benchmark.serving.serve import serve_studies
    from defocus.benchmark.serving.studies import find_studies
    from defocus.benchmark.study.plugin_files import tell_missing

    for study in find_studies(folder).studies:
        tell_missing(study.path)
    serve_studies(folder, port=port)
