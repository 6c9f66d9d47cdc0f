"""Train every line of an ablation with each dose of misalignment, and compare with the truth."""

from typing import Any

from defocus.benchmark.experiments.dose.document import dose_document
from defocus.benchmark.experiments.dose.outputs.strips import write_strip
from defocus.benchmark.experiments.dose.plan import DoseStudy
from defocus.benchmark.results.store import STORE, read_results
from defocus.benchmark.study.running.run import run_studies
from defocus.files import require_writable, write_json_if_changed

__all__ = ["DOCUMENT", "run_dose_study"]

DOCUMENT = "dose.json"


def run_dose_study(study: DoseStudy) -> dict[str, Any]:
    """Train and evaluate all lines; finished work in the folder is not repeated.

    Returns:
        The content of ``dose.json``; see :func:`dose_document`. A strip of crops per dose is
        written beside it.

    Raises:
        NotApplicableError: A line cannot be trained on these pairs.
        DefocusError: A run failed.
        StorageError: The disk is full or the folder not writable.
    """
    require_writable(study.out)
    studies = study.studies()
    run_studies(studies).require_scores()
    with read_results(study.out / STORE) as results:
        document = dose_document(study, studies, results)
    write_json_if_changed(study.out / DOCUMENT, document)
    for one in document["doses"]:
        write_strip(study, studies, one)
    return document
