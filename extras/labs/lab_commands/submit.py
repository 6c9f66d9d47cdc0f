"""``defocus-bench labs submit``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.extras.labs.submission_settings import SubmissionSettings


@click.command(
    name="submit",
    cls=SettingsCommand,
    models="defocus.extras.labs.submission_settings",
)
def command(settings: "SubmissionSettings") -> int:
    """Write a signed bundle of a study.

    It holds the rows, the restored pictures (the study must have been run with --keep-outputs), the
    dataset's revision, weights' hashes and licences, training pictures' hashes, costs and machine.
    'labs verify' checks it. Pairs that the study lacks are listed; the exit code is then 1.
    """
    from defocus.benchmark.results.run_folder import left_out_of_study
    from defocus.extras.labs.adding import addition, key_line, require_collection
    from defocus.extras.labs.submitting import SubmissionChoice, submit
    from defocus.processes.isolation import say_left_out
    from defocus.progress import counted, say

    out = settings.out
    bundle = settings.bundle
    require_collection(settings.collection)
    choice = SubmissionChoice(
        settings.lab,
        settings.only,
        settings.dataset,
        not settings.hashes_only,
        settings.with_weights,
        settings.key,
    )
    statement = submit(out, bundle, choice)
    size = bundle.stat().st_size / 1e6
    say(
        f"{counted(len(statement.runs), 'run')}, {size:.1f} MB; its key, for repository.toml:"
    )
    say(key_line(statement))
    said = addition(bundle, statement, settings.collection)
    say("to add it to a collection of bundles, a folder in any repository:")
    for line in said.commands:
        say(line)
    click.echo(str(bundle))
    left_out = left_out_of_study(out)
    say_left_out(left_out, len(statement.dataset.pairs) + len(left_out), "pair")
    return int(bool(left_out))
