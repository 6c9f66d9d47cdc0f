"""``python -m defocus.benchmark.speed [NAME…] --json``: every speed case in one run."""

import importlib
import pkgutil

import click

from defocus.benchmark.speed import cases
from defocus.benchmark.speed.case import Case
from defocus.command_line.commands import json_output
from defocus.errors import InputError
from defocus.progress import say

__all__ = ["all_cases", "command"]


def all_cases() -> dict[str, Case]:
    """The cases of all modules of :mod:`defocus.benchmark.speed.cases`, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(cases.__path__))
    modules = (importlib.import_module(f"{cases.__name__}.{name}") for name in names)
    return {case.name: case for module in modules for case in module.CASES}


@click.command(name="python -m defocus.benchmark.speed")
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list on stdout.")
def command(names: tuple[str, ...], *, as_json: bool) -> None:
    """Compare parts of this package with plain alternatives; without NAME, all of them.

    Times are CPU seconds on one thread, the minimum of several repeats; compare the ratios.
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


if __name__ == "__main__":
    from defocus.command_line.commands import run_command

    run_command(command)
