"""Train every line of an ablation with each dose of misalignment, and compare with the truth."""

from typing import Any

from defocus.benchmark.experiments.dose.document import dose_document
from defocus.benchmark.experiments.dose.kept import DOSES
from defocus.benchmark.experiments.dose.outputs.strips import write_strip
from defocus.benchmark.experiments.dose.plan import DoseStudy
from defocus.benchmark.leaderboard.publish import publish
from defocus.benchmark.study.running.run import opened_study, run_studies
from defocus.files import require_writable, write_json_if_changed

__all__ = ["run_dose_study"]


def run_dose_study(study: DoseStudy) -> dict[str, Any]:
    """Train and evaluate all lines; finished work in the folder is not repeated.

    Returns:
        The content of ``dose.json``; see :func:`dose_document`. Each dose also has its ``strip``,
        which is written beside it; see :func:`write_strip`. The report shows both.

    Raises:
        NotApplicableError: A line cannot be trained on these pairs.
        DefocusError: A run failed.
        StorageError: The disk is full or the folder not writable.
    """
    require_writable(study.out)
    studies = study.studies()
    run_studies(studies).require_scores()
    with opened_study(studies) as results:
        document = dose_document(study, studies, results)
        for one in document["doses"]:
            one["strip"] = write_strip(study, studies, one)
        write_json_if_changed(study.out / DOSES, document)
        publish(study.out, results)
    return document
