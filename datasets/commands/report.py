"""defocus-data report."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.options import FOLDER
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import audit_options, audited, print_made
from defocus.progress import say

if TYPE_CHECKING:  # it imports pydantic
    from defocus.processes.machines import Where


@help_heading("Measure")
@click.command()
@click.argument("dataset")
@click.option(
    "--out",
    type=FOLDER,
    default=Path("report"),
    show_default=True,
    help="Folder for dataset.html and dataset.pdf.",
)
@audit_options
def command(
    dataset: str, out: Path, estimator: str | None, where: "Where", *, as_json: bool
) -> int:
    """Write a report of DATASET.

    The report shows counts, settings, misalignment, blur, exposure and sample pairs.

    Measurements of an earlier audit are reused. The exit code is 1 if a pair cannot be read.
    """
    return print_made(
        lambda: _reported(dataset, out, estimator, where), lambda _: (), as_json=as_json
    )


def _reported(
    dataset: str, out: Path, estimator: str | None, where: "Where"
) -> dict[str, Any]:
    opened, audit = audited(dataset, estimator, where)

    from defocus.datasets.curation_rules import usable_pairs
    from defocus.datasets.dataset_page import dataset_page
    from defocus.reports.html import render_html
    from defocus.reports.pdf import render_pdf
    from defocus.storage.files import make_folder, write_bytes, write_text

    page = dataset_page(opened, audit, usable_pairs(audit, opened.steps))
    make_folder(out)
    write_text(out / "dataset.html", render_html(page))
    write_bytes(out / "dataset.pdf", render_pdf(page))
    say(f"wrote dataset.html and dataset.pdf to {out}")
    return {"root": str(out), "left_out": [one.to_json() for one in audit.left_out]}
