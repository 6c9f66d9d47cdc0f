"""Settings of the studies that measure one thing: their options. It imports nothing heavy."""

from pathlib import Path
from typing import Any

from defocus.benchmark.study.options import ON, StudyOptions
from defocus.benchmark.study.plan import Seeds
from defocus.command_line.options import FOLDER
from defocus.machines import Where
from defocus.settings import option


def _folder(name: str) -> Any:  # noqa: ANN401 - stands for the field's value
    text = "Folder of the study; finished runs in it are not repeated."
    return option(Path(name), "--out", heading="Study", type=FOLDER, text=text)


class MeasuredStudy(StudyOptions):
    """A study whose rows have a folder for themselves."""

    seeds: Seeds = option(1, "--seeds")
    """Number of seeds for each training."""
    where: Where | None = ON
    dry_run: bool = option(False, "--dry-run", heading="Output")
    """Print the plan and its estimated cost, then exit."""
    as_json: bool = option(False, "--json")
    """Print one JSON object on stdout."""


class AblationStudy(MeasuredStudy):
    """Options of ``studies ablate`` that say which study."""

    out: Path = _folder("defocus-ablation")


class GeneralisationStudy(MeasuredStudy):
    """Options of ``studies generalise`` that say which study."""

    out: Path = _folder("defocus-generalisation")


class MisalignmentStudy(MeasuredStudy):
    """Options of ``studies misalignment`` that say which study."""

    out: Path = _folder("defocus-misalignment")
