"""``defocus-bench labs seal``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.labs.lab_commands._settings import SealSettings


@click.command(name="seal", cls=SettingsCommand)
@click.argument("dataset")
def command(dataset: str, settings: "SealSettings") -> int:
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
    facts = seal_dataset(opened, settings.out, settings.key, settings.opens)
    click.echo(f"{settings.out}: sealed; SHA-256 of the key {facts.key_sha256}")
    return int(bool(opened.left_out))
