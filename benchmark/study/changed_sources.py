"""What a study says about plug-ins whose sources have changed since a training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from defocus.baselines.objective_registry import source_hashes
from defocus.benchmark.results.run_folder import TRAINING, run_folder
from defocus.benchmark.study.plan import Run
from defocus.discovery import warn_once
from defocus.extensions import plugin_of, uncounted_files
from defocus.progress import say
from defocus.reading import read_json

__all__ = ["sources_of", "tell_changed", "tell_uncounted"]


def sources_of(run: Run) -> dict[str, Any]:
    """What a run needs of plug-ins: hashes, and those of their files by name; empty without any."""
    hashes = _hashes(run)
    files: dict[str, str] = {}
    for one in hashes.values():
        if (plugin := plugin_of(one)) is not None:
            files |= plugin.sources.by_name
    return {"sources": {"needed": hashes, "files": files}} if hashes else {}


def tell_changed(out: Path, run: Run, earlier: str | None) -> None:
    """Say that the sources of a run have changed, if they have.

    Args:
        out: Folder of the study.
        run: The run.
        earlier: Id of the run that the study had in its place; None if there was none.
    """
    now = sources_of(run).get("sources")
    if not now:
        return
    revision = run.baseline.revision
    if revision is not None and (then := _trained_from(out, run.id)):
        if then["needed"] != now["needed"]:
            warn_once(
                f"{run.id}: {_changed(then['files'], now['files'])} since it was trained, and its "
                f"revision is still {revision}: its row shows what was trained then; raise the "
                "revision to train it again"
            )
    elif earlier not in {None, run.id} and not (run_folder(out, run.id) / TRAINING).is_file():
        then = _trained_from(out, str(earlier))
        if then is None and (run_folder(out, str(earlier)) / TRAINING).is_file():
            say(
                f"{run.system}: trained again: {earlier} is of an earlier version of this package, "
                "which knew a plug-in by the bytes of its file"
            )
        elif then is not None and then["needed"] != now["needed"]:
            changed = _changed(then["files"], now["files"])
            say(f"{run.system}: trained again: {changed} since {earlier}")


def tell_uncounted(run: Run) -> None:
    """Warn of files that were first imported by the training, so that nothing counts them."""
    for one in _hashes(run).values():
        if files := uncounted_files(one):
            more = f" and {len(files) - 2} more" if len(files) > 2 else ""
            warn_once(
                f"{run.id}: {', '.join(map(str, files[:2]))}{more} first imported during the "
                "training, through sys.path or a computed name: if they change, nothing is trained "
                "again; import them at the top of the plug-in"
            )


def _hashes(run: Run) -> dict[str, str]:
    own = {run.system: run.baseline.source_hash} if run.baseline.source_hash else {}
    return own | (source_hashes(run.recipe) if run.recipe else {})


def _trained_from(out: Path, run: str) -> Mapping[str, Any] | None:
    """The sources that a training was begun with; None if it has no record of them."""
    try:
        found = read_json(run_folder(out, run) / TRAINING)["sources"]
        return {"needed": dict(found["needed"]), "files": dict(found["files"])}
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    names = sorted(one for one in {*before, *now} if before.get(one) != now.get(one))
    if not names:
        return "its sources have changed"
    return f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} changed"
