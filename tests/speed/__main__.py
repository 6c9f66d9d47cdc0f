"""``python -m tests.speed [NAME…] --json``: every speed case in one run."""

import importlib
import json
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from defocus.command_line.json_output import json_output
from defocus.errors import InputError
from defocus.progress import say
from tests.speed import cases
from tests.speed.case import Case

__all__ = ["ALARM", "all_cases", "command", "slower_than"]

ALARM = 1.3
"""A case whose ratio to its peer fell by more than this factor since an earlier release."""


def all_cases() -> dict[str, Case]:
    """The cases of all modules of :mod:`tests.speed.cases`, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(cases.__path__))
    modules = (importlib.import_module(f"{cases.__name__}.{name}") for name in names)
    return {case.name: case for module in modules for case in module.CASES}


def below_target(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Cases whose ratio to their peer is below their target, one line each."""
    return [
        f"{row['name']}: {row['ratio']:.2f} times as fast as its peer, the target is "
        f"{row['target']:g}"
        for row in rows
        if row["ratio"] < row["target"]
    ]


def slower_than(before: Path, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Cases that lost more than :data:`ALARM` against an earlier run, one line each.

    Ratios are compared, not seconds: the peer was measured on the same computer.

    Args:
        before: File of an earlier ``--json``, as each release keeps one.
        rows: The rows of this run.

    Raises:
        InputError: The file is no such list.
    """
    try:
        known = {row["name"]: float(row["ratio"]) for row in json.loads(before.read_bytes())}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{before}: no list of 'speed --json' ({error})") from error
    if new := [row["name"] for row in rows if row["name"] not in known]:
        say(f"{before}: has no {', '.join(new)}; not compared", error=True)
    return [
        f"{row['name']}: {known[row['name']]:.2f} times as fast as its peer before, "
        f"{row['ratio']:.2f} now"
        for row in rows
        if row["name"] in known and row["ratio"] * ALARM < known[row["name"]]
    ]


@click.command(name="python -m tests.speed")
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list on stdout.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="An earlier --json; losing more than a factor of 1.3 is an error too.",
)
def command(names: tuple[str, ...], against: Path | None, *, as_json: bool) -> int:
    """Compare parts of this package with plain alternatives; without NAME, all of them.

    Times are CPU seconds on one thread, the minimum of several repeats; compare the ratios.
    The exit code is 1 if one is below its target.
    """
    with json_output() as output:
        known = all_cases()
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(f"no case {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        rows = []
        for name in names or sorted(known):
            say(f"{name}: measuring")
            rows.append(known[name].to_json(known[name].measure()))
        if as_json:
            output.write(rows)
    if not as_json:
        click.echo("| case | ours, CPU s | peer, CPU s | ratio | target | difference | tolerance |")
        click.echo("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for row in rows:
            click.echo(
                f"| {row['name']} | {row['ours']:.5f} | {row['peer']:.5f} | {row['ratio']:.1f} | "
                f"{row['target']:g} | {row['max_difference']:.1e} | {row['tolerance']:.0e} |"
            )
        for name in names or sorted(known):
            if known[name].note:
                click.echo(f"{name}: {known[name].note}")
    lost = below_target(rows) + (slower_than(against, rows) if against is not None else [])
    for line in lost:
        say(line, error=True)
    return int(bool(lost))


if __name__ == "__main__":
    from defocus.command_line.commands import run_command

    run_command(command)
