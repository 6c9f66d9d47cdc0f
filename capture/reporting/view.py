"""Views of a session for the page: its pairs, and one pair in detail."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from defocus.capture.reporting.numbers import measured
from defocus.capture.sessions.state import CompletePair, SessionState, file_path
from defocus.errors import DatasetError
from defocus.reading import read_json

__all__ = ["list_pairs", "pair_details", "pair_entry", "settings_text"]


def list_pairs(state: SessionState) -> list[dict[str, Any]]:
    """All pairs by number, with their verdicts; ``seen`` says that a person decided about one."""
    return [
        {
            "id": planned.id,
            "number": planned.number,
            "scene": planned.scene,
            "verdict": complete.verdict if complete else "incomplete",
            "reason": complete.reason if complete else _why_incomplete(state, planned.id),
            "seen": planned.id in state.judged,
            "title": planned.typed_scene,
            "note": state.notes.get(planned.id, ""),
            "scene_note": state.notes.get(planned.scene, ""),
        }
        for planned in sorted(state.planned.values(), key=lambda pair: pair.number)
        for complete in [state.complete.get(planned.id)]
    ]


def _why_incomplete(state: SessionState, pair: str) -> str:
    return "cut short" if pair in state.begun else "not shot yet"


def pair_entry(root: Path, pair: CompletePair) -> dict[str, Any]:
    """The ``pair.json`` of a pair; only the structure of ``roles`` is checked."""
    path = file_path(root, pair.id, "pair.json")
    try:
        entry = dict(read_json(path))
        entry["roles"] = {str(role): dict(told) for role, told in dict(entry["roles"]).items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path}: cannot be read ({error}); run 'defocus-capture check'"
        ) from error
    return entry


def pair_details(root: Path, pair: CompletePair) -> dict[str, Any]:
    """Settings and measured numbers of a pair, as text."""
    entry = pair_entry(root, pair)
    return {
        "id": pair.id,
        "measured": {"verdict": entry.get("verdict"), "reason": entry.get("reason")},
        "settings": [[role, _settings(told)] for role, told in entry["roles"].items()],
        "numbers": measured(entry),
    }


def _settings(role: dict[str, Any]) -> str:
    got = role.get("got")
    return settings_text(got) if isinstance(got, dict) else "unknown"


def settings_text(got: Mapping[str, Any]) -> str:
    """Settings of a shot, such as ``f/4, 1/60 s, ISO 100``."""
    written = {"aperture": "{}", "shutter": "{} s", "iso": "ISO {}"}
    return ", ".join(
        written.get(name, "{}").format(value) if name in written else f"{name} {value}"
        for name, value in got.items()
    )
