"""The request of a study, and notes on plug-ins whose sources have changed since."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from defocus.baselines.objective_registry import source_hashes
from defocus.benchmark.leaderboard.seen_notes import STUDY
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.study.near_copies import near_copies, warn_of_near_copies
from defocus.benchmark.study.plan import Run, Study, runs_of
from defocus.datasets.pair import LEARNT_SPLITS, Dataset
from defocus.datasets.pair_files import pair_contents
from defocus.plugins.extensions import plugin_of, uncounted_files
from defocus.progress import counted, say, several, warn_once
from defocus.reading import Json, read_json
from defocus.storage.files import write_json_if_changed
from defocus.training.record.folder import TRAINING

HASH_DIGITS = 16
"""Digits of a pair's hash that the file of a study keeps: enough to see a change."""

Facts = Mapping[str, Any]
"""Facts of a run, of :meth:`~defocus.benchmark.study.plan.Run.facts`, with the dataset's name."""


def write_study(studies: Sequence[Study]) -> None:
    """Write the runs of this request, and earlier ones unless one of this request replaces them."""
    path = studies[0].out / STUDY
    datasets = [_dataset_facts(study.dataset) for study in studies]
    runs = {run.id: _facts(study, run) for study, run in runs_of(studies)}
    saved = _read_study(path)
    named = {one["dataset"] for one in datasets}
    earlier = saved.get("datasets", [])
    datasets += [one for one in earlier if one["dataset"] not in named]
    places = set(map(_place, runs.values()))
    for name, facts in saved.get("runs", {}).items():
        if _place(facts) not in places:
            runs.setdefault(name, facts)
    content: Json = {"datasets": datasets, "runs": runs}
    reasons = _all_reasons(studies, saved, runs)
    if reasons:
        content["reasons"] = reasons
    write_json_if_changed(path, content)


def _all_reasons(
    studies: Sequence[Study], saved: Json, runs: Collection[str]
) -> dict[str, str]:
    """Why runs were trained anew: the earlier reasons of runs that are left, then new ones."""
    earlier = saved.get("reasons", {})
    reasons = {name: earlier[name] for name in earlier if name in runs}
    for study in studies:
        for run, reason in reasons_of(study):
            reasons[run.id] = reason
    return reasons


def _dataset_facts(dataset: Dataset) -> Json:
    """The file's facts on a dataset: its revision, and which test pairs are seen elsewhere."""
    facts: Json = {"dataset": dataset.name, "data_hash": dataset.content_hash}
    facts["pairs"] = _pair_facts(dataset)
    if dataset.seen_left_out:
        facts["seen_left_out"] = [one.to_json() for one in dataset.seen_left_out]
    copies = near_copies(dataset)
    warn_of_near_copies(dataset, copies)
    if copies:
        facts["near_copies"] = list(map(asdict, copies))
    return facts


def _pair_facts(dataset: Dataset) -> dict[str, list[str]]:
    """Split of each pair and the beginning of its hash, by which a later change is found."""
    contents = pair_contents(dataset)
    facts: dict[str, list[str]] = {}
    for pair in dataset.pairs:
        facts[pair.id] = [pair.split, contents[pair.id][:HASH_DIGITS]]
    return facts


def changed_pairs(study: Study) -> dict[str, list[str]]:
    """Pairs that changed, came or went since the study was last run, by split."""
    earlier = _saved_dataset(study).get("pairs")
    if not isinstance(earlier, dict):
        return {}
    now = _pair_facts(study.dataset)
    changed: dict[str, list[str]] = defaultdict(list)
    for name in sorted({*earlier, *now}):
        if earlier.get(name) != now.get(name):
            split, _ = now.get(name) or earlier[name]
            changed[split].append(name)
    return dict(changed)


def _saved_dataset(study: Study) -> Json:
    """Facts about the study's dataset when it was last run; empty if it never was."""
    for facts in _read_study(study.out / STUDY).get("datasets", []):
        if facts.get("dataset") == study.dataset.name:
            return dict(facts)
    return {}


def reasons_of(study: Study) -> list[tuple[Run, str]]:
    """Why trainings of a study are new where an earlier one had the same name, dataset and seed."""
    pairs = changed_pairs(study)
    learnt: list[str] = []
    for split in LEARNT_SPLITS:
        learnt += pairs.get(split, [])
    reasons = []
    for run, earlier, facts in runs_before(study):
        was_trained = (run_folder(study.out, earlier) / TRAINING).is_file()
        if run.recipe is None or run.training is not None or not was_trained:
            continue
        reason = ""
        if sources_of(run):
            reason = _why_again(study.out, run, earlier, facts)
        if not reason:
            reason = _changed_facts(facts, _facts(study, run))
        if not reason and learnt:
            reason = f"{_pair_words(learnt)} of training or validation changed"
        if reason:
            reasons.append((run, reason))
    return reasons


def _changed_facts(before: Facts, now: Facts) -> str:
    """The settings, revisions and files that differ, the first few in words; empty if none do."""
    earlier = dict(_flat(before))
    later = dict(_flat(json.loads(json.dumps(now))))
    changes = []
    for name in sorted({*earlier, *later}):
        if earlier.get(name) != later.get(name):
            was = earlier.get(name, "not set")
            is_now = later.get(name, "not set")
            changes.append(f"{name} was {was}, is {is_now}")
    return several(changes)


def _flat(facts: Facts, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested facts by dotted names."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _pair_words(names: Sequence[str]) -> str:
    return f"{counted(len(names), 'pair')} ({several(names)})"


def runs_before(study: Study) -> list[tuple[Run, str, Facts]]:
    """The runs of a study that take another's place in the file, with its id and facts."""
    # With another schedule or budget, the file has it under another place, of the same system.
    saved = _read_study(study.out / STUDY).get("runs", {})
    by_place: dict[object, tuple[str, Facts]] = {}
    by_namesake: dict[object, tuple[str, Facts]] = {}
    for name, facts in saved.items():
        by_place[_place(facts)] = (name, facts)
        by_namesake.setdefault(_namesake(facts), (name, facts))
    matches = []
    for run in study.runs:
        facts = _facts(study, run)
        match = by_place.get(_place(facts)) or by_namesake.get(_namesake(facts))
        if match is not None and run.id not in saved:
            name, earlier = match
            matches.append((run, name, earlier))
    return matches


def _facts(study: Study, run: Run) -> Json:
    return {"dataset": study.dataset.name, **run.facts()}


def _place(facts: Facts) -> tuple[str, ...]:
    """Key of a run; it is equal for runs that a person would call the same.

    Facts that were read from a file give the same key."""
    named = map(facts.get, ("system", "dataset", "budget", "seed", "schedule"))
    return tuple(map(json.dumps, named))


def _namesake(facts: Facts) -> tuple[Any, ...]:
    return tuple(map(facts.get, ("system", "dataset", "budget", "seed")))


def _read_study(path: Path) -> Json:
    try:
        content = read_json(path)
    except (FileNotFoundError, ValueError):  # a damaged one is made again
        return {}
    return content if isinstance(content, dict) else {}


def sources_of(run: Run) -> Json:
    """Plug-in sources of a run: hashes, and those of their files by name; empty without any."""
    hashes = _hashes(run)
    files: dict[str, str] = {}
    for one in hashes.values():
        if (plugin := plugin_of(one)) is not None:
            files |= plugin.files
    return {"sources": {"needed": hashes, "files": files}} if hashes else {}


def tell_changes(studies: Sequence[Study]) -> None:
    """Say which sources have changed since a training, and why networks are trained again."""
    for study in studies:
        for run in study.runs:
            _warn_of_kept(study.out, run)
        for run, reason in reasons_of(study):
            if not (run_folder(study.out, run.id) / TRAINING).is_file():
                say(f"{run.system}: trained again: {reason}")
        tested = changed_pairs(study).get("test", [])
        if tested:
            say(
                f"{study.dataset.name}: {_pair_words(tested)} of the test changed: scored again, "
                "without training"
            )


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
    """Warn of files that the network itself imported: changes in them are not noticed."""
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
        needed = dict(sources["needed"])
        files = dict(sources["files"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return {"needed": needed, "files": files}


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    every = sorted({*before, *now})
    names = [name for name in every if before.get(name) != now.get(name)]
    if not names:
        return "its sources have changed"
    verb = "has" if len(names) == 1 else "have"
    return f"{', '.join(names)} {verb} changed"
