"""``defocus-bench resume``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import launcher_option, out_option

if TYPE_CHECKING:
    from defocus.benchmark.launch.start import Launcher


@click.command()
@out_option
@click.option(
    "--run",
    metavar="ID",
    help="This run alone, in a folder of its own under jobs/; 'resume' without it takes the "
    "result over.",
)
@launcher_option
def command(out: Path, run: str | None, launcher: "Launcher") -> int:
    """Go on with the study in --out as it was started with 'run'; finished runs stay."""
    from defocus.benchmark.launch.jobs import prepare_job
    from defocus.benchmark.launch.start import carry_out
    from defocus.benchmark.studies.document import read_request
    from defocus.benchmark.studies.expansion import expand, one_run

    document = read_request(out)
    if run is None:
        return carry_out(expand(document, out), document, launcher)
    one = one_run(expand(document, out), run)
    return carry_out(one.moved(prepare_job(out, run)), document, launcher)
