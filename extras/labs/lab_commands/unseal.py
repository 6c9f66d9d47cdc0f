"""``defocus-bench labs unseal``."""

from pathlib import Path

import click

from defocus.command_line.options import FILE, FOLDER


@click.command(name="unseal")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--key", required=True, type=FILE, help="The published key.")
@click.option(
    "--out",
    required=True,
    type=FOLDER,
    help="The new folder: a dataset with its truth.",
)
def command(folder: Path, key: Path, out: Path) -> None:
    """Open a sealed test set with its key.

    'labs verify BUNDLE --dataset manifest:OUT' then scores bundles that were submitted before."""
    from defocus.extras.labs.sealing.seal import open_seal

    open_seal(folder, key, out)
    click.echo(f"manifest:{out}")
