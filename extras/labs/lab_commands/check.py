"""``defocus-bench labs check``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.options import FOLDER
from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.labs.lab_commands._settings import RepositorySettings


@click.command(name="check", cls=SettingsCommand)
@click.argument("folder", metavar="DIR", type=FOLDER)
def command(folder: Path, settings: "RepositorySettings") -> int:
    """Check a repository of bundles, for its CI.

    DIR has repository.toml and the folder bundles. Signatures, keys, hashes and rows are checked,
    and whether bundles share pictures; no dataset is needed. The exit code is 1 if anything is
    wrong.
    """
    from defocus.command_line.json_output import json_output
    from defocus.extras.labs.repository.check import check_repository
    from defocus.progress import counted

    with json_output() as output:
        many, problems = check_repository(folder)
        if settings.as_json:
            lines = [
                {"bundle": one.bundle, "kind": one.kind, "said": one.said}
                for one in problems
            ]
            output.write({"ok": not problems, "bundles": many, "problems": lines})
    if not settings.as_json:
        for one in problems:
            click.echo(f"{one.bundle}: {one.kind}: {one.said}")
        outcome = counted(len(problems), "problem") if problems else "nothing wrong"
        click.echo(f"{counted(many, 'bundle')}, {outcome}")
    return int(bool(problems))
