"""What a study was asked for, and what it says about plug-ins whose sources have changed since."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from defocus.baselines.objective_registry import source_hashes
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.study.plan import Run, Study
from defocus.discovery import warn_once
from defocus.extensions import plugin_of, uncounted_files
from defocus.files import write_json_if_changed
from defocus.progress import say
from defocus.reading import read_json
from defocus.training.record.folder import TRAINING

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
    saved = _read_study(path)
    places = {_place(facts) for facts in runs.values()}
    before = {
        name: facts for name, facts in saved.get("runs", {}).items() if _place(facts) not in places
    }
    named = {one["dataset"] for one in datasets}
    datasets += [one for one in saved.get("datasets", []) if one["dataset"] not in named]
    write_json_if_changed(path, {"datasets": datasets, "runs": runs | before})


def runs_before(study: Study) -> list[tuple[Run, str, Facts]]:
    """The runs of a study that take another's place in the file, with its id and facts."""
    saved = _read_study(study.out / "study.json").get("runs", {})
    earlier = {_place(facts): (name, facts) for name, facts in saved.items()}
    places = ((run, _place(_facts(study, run))) for run in study.runs)
    matches = [(run, *earlier[place]) for run, place in places if place in earlier]
    return [(run, name, facts) for run, name, facts in matches if name != run.id]


def _facts(study: Study, run: Run) -> dict[str, Any]:
    return {"dataset": study.dataset.name, **run.facts()}


def _place(facts: Facts) -> tuple[str, ...]:
    """What a person would call the same run; the same for facts that were read back."""
    named = (facts.get(name) for name in ("system", "dataset", "budget", "seed", "schedule"))
    return tuple(map(json.dumps, named))


def _read_study(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (FileNotFoundError, ValueError):  # a damaged one is made again
        return {}
    return content if isinstance(content, dict) else {}


def sources_of(run: Run) -> dict[str, Any]:
    """What a run needs of plug-ins: hashes, and those of their files by name; empty without any."""
    hashes = _hashes(run)
    files: dict[str, str] = {}
    for one in hashes.values():
        if (plugin := plugin_of(one)) is not None:
            files |= plugin.sources.by_name
    return {"sources": {"needed": hashes, "files": files}} if hashes else {}


def tell_changes(studies: Sequence[Study]) -> None:
    """Say which sources have changed since a training, and why networks are trained again."""
    for study in studies:
        for run in study.runs:
            _warn_of_kept(study.out, run)
        for run, earlier, facts in runs_before(study):
            reason = _why_again(study.out, run, earlier, facts) if sources_of(run) else ""
            trained = (run_folder(study.out, one) / TRAINING for one in (run.id, earlier))
            if reason and [path.is_file() for path in trained] == [False, True]:
                say(f"{run.system}: trained again: {reason}")


def _warn_of_kept(out: Path, run: Run) -> None:
    """Warn of a training that stays because its revision does, though its sources have changed."""
    now, revision = sources_of(run).get("sources"), run.baseline.revision
    if not now or revision is None:
        return
    then = _trained_from(out, run.id)
    if then is not None and then["needed"] != now["needed"]:
        warn_once(
            f"{run.id}: {_changed(then['files'], now['files'])} since it was trained, and its "
            f"revision is still {revision}: its row shows what was trained then; raise the "
            "revision to train it again"
        )


def _why_again(out: Path, run: Run, earlier: str, facts: Facts) -> str:
    """Why the training of an earlier run does not count for this one; empty if nobody knows."""
    revision, has_sources = run.baseline.revision, "source_hash" in facts
    if revision is not None and has_sources:
        return (
            f"revision={revision} is new, and {earlier} is known by its sources; to keep that "
            "training, leave the revision out"
        )
    if revision is not None and facts.get("revision") != revision:
        return f"its revision is {revision}, and {facts.get('revision')} in {earlier}"
    if revision is None and run.baseline.source_hash and not has_sources:
        return f"it has no revision any more, which {earlier} is known by"
    then, now = _trained_from(out, earlier), sources_of(run)["sources"]
    if then is not None and then["needed"] != now["needed"]:
        return f"{_changed(then['files'], now['files'])} since {earlier}"
    return ""


def tell_uncounted(run: Run) -> None:
    """Warn of files that were first imported by the network, so that nothing counts them."""
    for one in _hashes(run).values():
        if files := uncounted_files(one):
            more = f" and {len(files) - 2} more" if len(files) > 2 else ""
            warn_once(
                f"{run.id}: {', '.join(map(str, files[:2]))}{more} first imported when the "
                "network was made or ran, through sys.path or a computed name: if they change, "
                "nothing is trained again; import them at the top of the plug-in"
            )


def _hashes(run: Run) -> dict[str, str]:
    own = {run.system: run.baseline.source_hash} if run.baseline.source_hash else {}
    return own | (source_hashes(run.recipe) if run.recipe else {})


def _trained_from(out: Path, run: str) -> Mapping[str, Any] | None:
    """The sources that a training was begun with; None if it has no record of them."""
    try:
        sources = read_json(run_folder(out, run) / TRAINING)["sources"]
        return {"needed": dict(sources["needed"]), "files": dict(sources["files"])}
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    names = sorted(one for one in {*before, *now} if before.get(one) != now.get(one))
    if not names:
        return "its sources have changed"
    return f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} changed"
