"""The file ``study.json`` in the folder of a study: the runs that it was asked for."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from defocus.benchmark.study.plan import Run, Study
from defocus.files import write_json_if_changed
from defocus.reading import read_json

__all__ = ["Facts", "runs_before", "write_study"]

Facts = Mapping[str, Any]
"""Of :meth:`~defocus.benchmark.study.plan.Run.facts`, with the dataset's name."""


def write_study(studies: Sequence[Study]) -> None:
    """Write the runs of this request, and earlier ones unless one of this request replaces them."""
    path = studies[0].out / "study.json"
    datasets = [
        {"dataset": study.dataset.name, "data_hash": study.dataset.content_hash}
        for study in studies
    ]
    runs = {run.id: _facts(study, run) for study in studies for run in study.runs}
    known = _read_study(path)
    places = {_place(facts) for facts in runs.values()}
    before = {
        name: facts for name, facts in known.get("runs", {}).items() if _place(facts) not in places
    }
    named = {one["dataset"] for one in datasets}
    datasets += [one for one in known.get("datasets", []) if one["dataset"] not in named]
    write_json_if_changed(path, {"datasets": datasets, "runs": runs | before})


def runs_before(study: Study) -> list[tuple[Run, str, Facts]]:
    """The runs of a study that take another's place in the file, with its id and facts."""
    known = _read_study(study.out / "study.json").get("runs", {})
    earlier = {_place(facts): (name, facts) for name, facts in known.items()}
    places = ((run, _place(_facts(study, run))) for run in study.runs)
    found = [(run, *earlier[place]) for run, place in places if place in earlier]
    return [(run, name, facts) for run, name, facts in found if name != run.id]


def _facts(study: Study, run: Run) -> dict[str, Any]:
    return {"dataset": study.dataset.name, **run.facts()}


def _place(facts: Facts) -> tuple[str, ...]:
    """What a person would call the same run; the same for facts that were read back."""
    named = (facts.get(name) for name in ("system", "dataset", "budget", "seed", "schedule"))
    return tuple(map(json.dumps, named))


def _read_study(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (FileNotFoundError, ValueError):  # a damaged one is made anew
        return {}
    return found if isinstance(found, dict) else {}
