"""Train every line of an ablation with each dose of misalignment, and compare with the truth."""

from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

from defocus.benchmark.documents.publish import publish
from defocus.benchmark.study.outcome import Outcome
from defocus.benchmark.study.run import opened_study, run_studies
from defocus.errors import InputError
from defocus.extras.studies.dose.claims import doses_px_of, labels_at_any_dose
from defocus.extras.studies.dose.document import dose_document
from defocus.extras.studies.dose.kept import DOSES, read_doses
from defocus.extras.studies.dose.outputs.strips import write_strip
from defocus.extras.studies.dose.plan import DoseStudy
from defocus.extras.studies.means import require_scores
from defocus.processes.machines import Where
from defocus.progress import counted, say
from defocus.storage.files import require_writable, write_json_if_changed


def run_dose_study(
    study: DoseStudy,
    where: Where | None = 1,
) -> tuple[dict[str, Any], Outcome]:
    """Train and evaluate all lines; finished work in the folder is not repeated.

    The content of ``dose.json`` (:func:`dose_document`), with strips; what was left out."""
    studies = study.studies()
    require_writable(study.out)
    outcome = run_studies(studies, where=where)
    require_scores(outcome)
    with opened_study(studies) as results:
        document = dose_document(study, studies, results)
        for one in document["doses"]:
            one["strip"] = write_strip(study, studies, one)
        tell_lost(study.out, document)
        write_json_if_changed(study.out / DOSES, document)
        publish(study.out, results)
    return document, outcome


def tell_lost(out: Path, document: Mapping[str, Any]) -> None:
    """Say what the document of an earlier study had that this one lacks.

    Only doses, labels and names are compared: trainings may differ where these are equal."""
    try:
        before = read_doses(out)
    except InputError:  # damaged: there is nothing to say of it
        return
    if before is None:
        return
    compared = itemgetter("network", "narrow", "dataset")
    same = compared(before) == compared(document)
    lost_doses = set(doses_px_of(before)) - set(doses_px_of(document))
    lost_lines = labels_at_any_dose(before) - labels_at_any_dose(document)
    lost = lost_doses or lost_lines
    if lost or before["seeds"] > document["seeds"] or not same:
        say(
            f"{out / DOSES} had {_content(before, document)}; it now has "
            f"{_content(document, before)}: no training is removed; the command that made the "
            "earlier one trains only what has changed since"
        )


def _content(document: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Doses and number of lines, and what else differs from another document."""
    compared = ("seeds", "network", "narrow", "dataset")
    differing = {name for name in compared if document[name] != other[name]}
    doses = ", ".join(map("{:g}".format, sorted(doses_px_of(document))))
    lines = len(labels_at_any_dose(document))
    text = f"{doses} px and {counted(lines, 'line')}"
    if "seeds" in differing:
        text += f" of {counted(document['seeds'], 'seed')}"
    if "network" in differing or "narrow" in differing:
        copy = "the narrow " if document["narrow"] else ""
        text += f" with {copy}{document['network'] or 'U-Net'}"
    if "dataset" in differing:
        text += f" on {document['dataset']}"
    return text
