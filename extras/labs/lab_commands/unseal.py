"""``defocus-bench labs unseal``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.options import FOLDER
from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.labs.lab_commands._settings import UnsealSettings


@click.command(name="unseal", cls=SettingsCommand)
@click.argument("folder", metavar="DIR", type=FOLDER)
def command(folder: Path, settings: "UnsealSettings") -> None:
    """Open a sealed test set with its key.

    'labs verify BUNDLE --dataset manifest:OUT' then scores bundles that were submitted before."""
    from defocus.extras.labs.sealing.seal import open_seal

    open_seal(folder, settings.key, settings.out)
    click.echo(f"manifest:{settings.out}")
