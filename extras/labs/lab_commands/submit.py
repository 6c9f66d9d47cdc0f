"""``defocus-bench labs submit``."""

import json
from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option
from defocus.command_line.options import FILE


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
def command(
    out: Path,
    bundle: Path,
    lab: str,
    only: tuple[str, ...],
    dataset: str | None,
    key: Path | None,
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
    from defocus.extras.labs.submitting import SubmissionChoice, submit
    from defocus.isolation import say_left_out
    from defocus.progress import counted, say

    choice = SubmissionChoice(lab, only, dataset, not hashes_only, with_weights, key)
    statement = submit(out, bundle, choice)
    size = bundle.stat().st_size / 1e6
    named = json.dumps(statement.lab, ensure_ascii=False)  # quoted as in TOML
    say(f"{counted(len(statement.runs), 'run')}, {size:.1f} MB; its key, for repository.toml:")
    say(f'{named} = "{statement.key}"')
    click.echo(str(bundle))
    left_out = left_out_of_study(out)
    say_left_out(left_out, len(statement.dataset.pairs) + len(left_out), "pair")
    return int(bool(left_out))
