"""``python -m tests.conformance``: our systems beside stored outputs of the official ones."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.commands import run_command

if TYPE_CHECKING:
    from tests.conformance.check import FixtureResult


FIXTURES = Path(__file__).with_name("fixtures")


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--fixtures",
    "folder",
    type=click.Path(path_type=Path),
    default=FIXTURES,
    help="Folder that holds the fixture folders; those of the core where it is not given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list on stdout.")
def command(names: tuple[str, ...], folder: Path, *, as_json: bool) -> int:
    """Compare systems with official outputs.

    The official outputs are stored in fixture folders. NAME is a folder name or a shell pattern;
    without NAME all fixtures run. The exit code is 1 if a fixture fails or its system is not
    registered.
    """
    from defocus.command_line.json_output import json_output
    from defocus.progress import track
    from tests.conformance.check import find_fixtures, run_fixture

    folders = find_fixtures(folder, names)
    with json_output() as output:
        results = [run_fixture(each) for each in track(folders, "fixtures")]
        if as_json:
            output.write([result.to_json() for result in results])
    if not as_json:
        _show(results)
    return 0 if all(result.ok for result in results) else 1


def _show(results: "list[FixtureResult]") -> None:
    width = max(len(result.fixture) for result in results)
    click.echo(f"{'fixture':<{width}}  {'result':<6}  {'entries':<7}  difference  tolerance")
    words = {None: "-", True: "equal", False: "differ"}
    for result in results:
        worst = result.worst
        numbers = ["-", "-"]
        if worst is not None:
            difference = worst.difference
            numbers = ["-" if difference is None else f"{difference:.2e}", f"{worst.tolerance:.2e}"]
        verdict = "ok" if result.ok else "absent" if result.absent else "FAILED"
        line = (
            f"{result.fixture:<{width}}  {verdict:<6}  "
            f"{words[result.entries_equal]:<7}  {numbers[0]:>10}  {numbers[1]:>9}  {result.reason}"
        )
        click.echo(line.rstrip())
    passed = sum(result.ok for result in results)
    absent = sum(result.absent for result in results)
    click.echo(
        f"{passed} of {len(results)} fixtures ok, {len(results) - passed - absent} failed, "
        f"{absent} of systems that are not here"
    )


def main() -> None:
    """Run the command and exit."""
    run_command(command)


if __name__ == "__main__":
    main()
