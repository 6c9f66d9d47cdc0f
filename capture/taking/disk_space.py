"""Disk space of a shoot: measured on the session's earlier pairs, and what is free."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from defocus.capture.camera import FileKind
from defocus.capture.planning.disk_space import space_words, together
from defocus.capture.planning.plan import Plan
from defocus.capture.sessions.session import JOURNAL, read_state
from defocus.capture.sessions.state import CompletePair
from defocus.progress import say

__all__ = ["measured_plans", "tell_space"]


def measured_plans(plans: Sequence[Plan], path: Path, files: FileKind | None) -> list[Plan]:
    """Plans with the size of the shots that a session has from the same camera and format."""
    if not (path / JOURNAL).exists():
        return list(plans)
    state, _ = read_state(path)
    camera = plans[0].camera
    alike = [
        pair
        for pair in state.complete.values()
        for shoot in [state.shoots[state.planned[pair.id].shoot]]
        if (shoot.camera.model, shoot.camera.serial) == (camera.model, camera.serial)
        and shoot.handling.files == files
        and shoot.sharp_camera is None
    ]
    shots = sum(map(_shots, alike))
    if not shots or plans[0].sharp_camera is not None:
        return list(plans)
    each = round(sum(entry.bytes for pair in alike for entry in pair.files) / shots)
    found = replace(camera, shot_bytes=(each, each), truth_bytes=0)
    return [replace(plan, camera=found) for plan in plans]


def _shots(pair: CompletePair) -> int:
    names = [Path(entry.name) for entry in pair.files if "/" not in entry.name]
    return len({name.stem for name in names if name.suffix != ".json"})


def tell_space(path: Path, counted_plans: Sequence[tuple[Plan, int]]) -> None:
    """Warn if the disk space may be too small; it is only an estimate."""
    existing = next((p for p in (path, *path.absolute().parents) if p.is_dir()), None)
    needed = together([plan.space(pairs) for plan, pairs in counted_plans])
    if needed is None or existing is None:
        return
    free = shutil.disk_usage(existing).free
    if free < needed.most:
        say(f"{existing}: {free / 1e9:.2f} GB are free, {space_words(needed)} are needed")
