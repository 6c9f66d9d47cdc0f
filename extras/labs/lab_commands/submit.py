"""``defocus-bench labs submit``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.options import FILE, FOLDER


@click.command(name="submit")
@out_option
@click.option(
    "--as", "bundle", required=True, type=FILE, help="The new bundle; its name ends in .zip."
)
@click.option("--lab", required=True, metavar="TEXT", help="Who submits.")
@click.option("--only", multiple=True, metavar="PATTERN", help="Systems to submit; repeatable.")
@click.option("--dataset", help="Dataset of the study, where it has several.")
@click.option("--hashes-only", is_flag=True, help="Leave the restored pictures out.")
@click.option(
    "--with-weights", is_flag=True, help="Add the weights, so that others can restore again."
)
@click.option(
    "--key",
    type=FILE,
    help="Ed25519 key without passphrase, as ssh-keygen writes it; by default one of your own, "
    "made on first use.",
)
@click.option(
    "--collection",
    type=FOLDER,
    help="Print the commands that add the bundle to this collection of bundles, and write a patch "
    "of its repository.toml beside the bundle if that lacks the lab.",
)
def command(
    out: Path,
    bundle: Path,
    lab: str,
    only: tuple[str, ...],
    dataset: str | None,
    key: Path | None,
    collection: Path | None,
    *,
    hashes_only: bool,
    with_weights: bool,
) -> int:
    """Write a signed bundle of a study.

    It holds the rows, the restored pictures (the study must have been run with --keep-outputs), the
    dataset's revision, weights' hashes and licences, training pictures' hashes, costs and machine.
    'labs verify' checks it. Pairs that the study is without are listed; the exit code is then 1.
    """
    from defocus.benchmark.results.run_folder import left_out_of_study
    from defocus.extras.labs.adding import addition, key_line, require_collection
    from defocus.extras.labs.submitting import SubmissionChoice, submit
    from defocus.isolation import say_left_out
    from defocus.progress import counted, say

    require_collection(collection)
    choice = SubmissionChoice(lab, only, dataset, not hashes_only, with_weights, key)
    statement = submit(out, bundle, choice)
    size = bundle.stat().st_size / 1e6
    say(f"{counted(len(statement.runs), 'run')}, {size:.1f} MB; its key, for repository.toml:")
    say(key_line(statement))
    said = addition(bundle, statement, collection)
    say("to add it to a collection of bundles, a folder in any repository:")
    for line in said.commands:
        say(line)
    click.echo(str(bundle))
    left_out = left_out_of_study(out)
    say_left_out(left_out, len(statement.dataset.pairs) + len(left_out), "pair")
    return int(bool(left_out))
