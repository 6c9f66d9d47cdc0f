"""``defocus-bench labs unseal``."""

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(name="unseal")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--key",
    "key_file",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The published key.",
)
@click.option("--out", required=True, type=FOLDER, help="The new folder: a dataset with its truth.")
def command(folder: Path, key_file: Path, out: Path) -> None:
    """Open a sealed test set with its key.

    'labs verify BUNDLE --dataset manifest:OUT' then scores what was submitted before."""
    from defocus.extras.labs.sealing.seal import open_seal

    open_seal(folder, key_file, out)
    click.echo(f"manifest:{out}")
