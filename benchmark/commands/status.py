"""``defocus-bench status``."""

from pathlib import Path

import click

from defocus.benchmark.commands._options import out_option


@click.command()
@out_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(out: Path, *, as_json: bool) -> int:
    """Show where each run of a study stands; exit code 1 if one has failed."""
    from defocus.benchmark.lock import is_locked
    from defocus.benchmark.studies.standing import standing_of, standing_table
    from defocus.benchmark.terminal import print_tables
    from defocus.commandline import json_output

    standings = standing_of(out)
    working = is_locked(out)
    if as_json:
        with json_output() as output:
            output.write({"working": working, "runs": [one.to_json() for one in standings]})
    else:
        print_tables([standing_table(standings, working=working)])
    return 1 if any(one.state == "failed" for one in standings) else 0
