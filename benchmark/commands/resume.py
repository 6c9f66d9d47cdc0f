"""``defocus-bench resume``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import launcher_option, out_option
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.benchmark.launch.start import Launcher


@help_heading("Run")
@click.command()
@out_option
@click.option(
    "--run",
    metavar="ID",
    help="Do only this run, in its own folder under jobs/; 'resume' without --run then collects "
    "the result.",
)
@launcher_option
def command(out: Path, run: str | None, launcher: "Launcher") -> int:
    """Continue an interrupted study.

    The study in --out continues with the settings of its 'run'; finished runs are kept.
    """
    if run is not None and launcher != "here":
        raise click.UsageError(
            "--run does one run in this process; it cannot be combined with --launcher"
        )
    from defocus.benchmark.launch.jobs import claim_job
    from defocus.benchmark.launch.start import carry_out
    from defocus.benchmark.study.document import read_request
    from defocus.benchmark.study.expansion import expand_all, one_run
    from defocus.benchmark.study.plugin_files import load_noted, note_plugins

    request = read_request(out)
    load_noted([noted for one in (request, *request.earlier) for noted in one.plugins])
    if given := note_plugins():
        request = request.model_copy(update={"plugins": given})
    expanded = expand_all((request, *request.earlier), out)
    if run is None:
        return carry_out(expanded, request, launcher)
    one = one_run(expanded, run)
    return carry_out(one.moved(claim_job(out, run)), request, launcher)
