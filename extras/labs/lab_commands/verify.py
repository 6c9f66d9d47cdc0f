"""``defocus-bench labs verify``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.options import FILE
from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.extras.labs.lab_commands._settings import BundleSettings
    from defocus.extras.labs.verification.verifying import BundleCheck

NOTHING_RESCORED = 3
"""Exit code: nothing is wrong with the bundle, but nothing is shown either."""


@click.command(name="verify", cls=SettingsCommand)
@click.argument("bundle", type=FILE)
def command(bundle: Path, settings: "BundleSettings") -> int:
    """Check a bundle: score its pictures again.

    Every score is compared with the stated one: it may differ by 0.00001, or by 0.001 where a flow
    is estimated. Pairs of your copy that cannot be read are left out and listed. The exit code is 1
    if the bundle is refused or a pair is left out, 3 if nothing could be computed again.
    """
    from defocus.command_line.json_output import json_output
    from defocus.datasets.api import open_dataset
    from defocus.extras.labs.verification.record import write_record
    from defocus.extras.labs.verification.verifying import verify_bundle
    from defocus.processes.isolation import say_left_out

    with json_output() as output:
        opened = open_dataset(settings.dataset, damaged=True)
        check = verify_bundle(bundle, opened, settings.reruns)
        say_left_out(check.left_out, opened.total, "pair")
        if settings.record:
            write_record(bundle, check, settings.key)
        if settings.as_json:
            output.write(check.to_json())
    if not settings.as_json:
        _say(bundle, settings.record, check)
    return (
        NOTHING_RESCORED
        if check.ok and not check.rescored
        else int(not check.ok or bool(check.left_out))
    )


def _say(bundle: Path, record: bool, check: "BundleCheck") -> None:
    """Print what was found."""
    from defocus.extras.labs.verification.record import record_path
    from defocus.progress import counted

    for note in check.notes:
        click.echo(f"note: {note}")
    for one in check.findings:
        click.echo(f"refused, {one.kind}: {one.said}")
    if check.ok and check.rescored:
        scores = counted(check.rescored, "score")
        click.echo(f"{bundle}: {scores} computed again, nothing wrong")
    elif check.ok:
        click.echo(f"{bundle}: not verified: no score was computed again")
    if record:
        click.echo(str(record_path(bundle)))
