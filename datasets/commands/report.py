"""defocus-data report."""

from pathlib import Path

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import jobs_option
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import json_option
from defocus.isolation import LeftOut, say_left_out
from defocus.progress import say


@help_heading("Measure")
@click.command()
@click.argument("dataset")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("report"),
    show_default=True,
    help="Folder for dataset.html and dataset.pdf.",
)
@click.option("--estimator", help="Flow estimator used by the audit.")
@jobs_option("Number of pairs measured at once.", 2)
@json_option
def command(dataset: str, out: Path, estimator: str | None, jobs: int, *, as_json: bool) -> int:
    """Write a report of DATASET.

    The report shows counts, settings, misalignment, blur, exposure and sample pairs.

    Measurements of an earlier audit are reused. The exit code is 1 if a pair cannot be read.
    """
    if not as_json:
        left_out = _reported(dataset, out, estimator, jobs)
    else:
        with json_output() as output:
            left_out = _reported(dataset, out, estimator, jobs)
            output.write({"root": str(out), "left_out": [one.to_json() for one in left_out]})
    return int(bool(left_out))


def _reported(dataset: str, out: Path, estimator: str | None, jobs: int) -> tuple[LeftOut, ...]:
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
    from defocus.datasets.api import open_dataset

    opened = open_dataset(dataset, damaged=True)

    from defocus.datasets.audit.run import audit_dataset
    from defocus.datasets.curation_rules import usable_pairs
    from defocus.datasets.report_page import dataset_page
    from defocus.files import make_folder, write_bytes, write_text
    from defocus.reports.html import render_html
    from defocus.reports.pdf import render_pdf

    audit = audit_dataset(opened, estimator or DEFAULT_ESTIMATOR, jobs)
    say_left_out(audit.left_out, audit.found, "pair")
    page = dataset_page(opened, audit, usable_pairs(audit, opened.steps))
    make_folder(out)
    write_text(out / "dataset.html", render_html(page))
    write_bytes(out / "dataset.pdf", render_pdf(page))
    say(f"wrote dataset.html and dataset.pdf to {out}")
    return audit.left_out
