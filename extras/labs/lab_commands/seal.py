"""``defocus-bench labs seal``."""

from pathlib import Path

import click

from defocus.command_line.options import FILE, FOLDER


@click.command(name="seal")
@click.argument("dataset")
@click.option(
    "--out",
    required=True,
    type=FOLDER,
    help="The new folder, to be published.",
)
@click.option(
    "--key",
    required=True,
    type=FILE,
    help="New file for the key, to be kept until the truth is published.",
)
@click.option(
    "--opens",
    default="",
    metavar="TEXT",
    help="When the key will be published.",
)
def command(dataset: str, out: Path, key: Path, opens: str) -> int:
    """Seal the test pairs of DATASET.

    Their blurry pictures stay open: OUT is a dataset that can be restored and submitted. Their
    truth is encrypted until the key is published; 'labs unseal' opens it. Pairs that cannot be read
    are left out by name, and the exit code is then 1.
    """
    from defocus.datasets.api import open_dataset
    from defocus.datasets.opening import readable
    from defocus.extras.labs.sealing.seal import seal_dataset
    from defocus.processes.isolation import say_left_out

    opened = readable(open_dataset(dataset, damaged=True), "test")
    say_left_out(opened.without(), opened.total, "pair")
    facts = seal_dataset(opened, out, key, opens)
    click.echo(f"{out}: sealed; SHA-256 of the key {facts.key_sha256}")
    return int(bool(opened.left_out))
