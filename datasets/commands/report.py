"""defocus-data report."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import audited, print_made
from defocus.progress import say
from defocus.reading import Json

if TYPE_CHECKING:  # it imports pydantic
    from defocus.datasets.commands._settings import AuditUse, ReportSettings


@help_heading("Measure")
@click.command(cls=SettingsCommand)
@click.argument("dataset")
def command(dataset: str, settings: "ReportSettings", use: "AuditUse") -> int:
    """Write a report of DATASET.

    The report shows counts, settings, misalignment, blur, exposure and sample pairs.

    Measurements of an earlier audit are reused. The exit code is 1 if a pair cannot be read.
    """
    return print_made(
        lambda: _reported(dataset, settings.out, use),
        lambda _: (),
        as_json=use.as_json,
    )


def _reported(dataset: str, out: Path, use: "AuditUse") -> Json:
    opened, audit = audited(dataset, use)

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
    return {"root": str(out), "left_out": documents_of(audit.left_out)}
