"""What the page shows of a session: its pairs, and one of them in detail."""

import json
from pathlib import Path
from typing import Any

from defocus.capture.live.numbers import measured
from defocus.capture.sessions.state import CompletePair, SessionState, file_path
from defocus.errors import DatasetError

__all__ = ["list_pairs", "pair_details"]


def list_pairs(state: SessionState) -> list[dict[str, Any]]:
    """All pairs in the order of their numbers, with what is thought of them now."""
    return [
        {
            "id": planned.id,
            "number": planned.number,
            "scene": planned.scene,
            "verdict": complete.verdict if complete else "incomplete",
            "reason": complete.reason if complete else "not shot, or cut short",
        }
        for planned in sorted(state.planned.values(), key=lambda pair: pair.number)
        for complete in [state.complete.get(planned.id)]
    ]


def pair_details(root: Path, pair: CompletePair) -> dict[str, Any]:
    """Settings and measured numbers of a pair, as text.

    Raises:
        DatasetError: Its ``pair.json`` is missing or damaged.
    """
    path = file_path(root, pair.id, "pair.json")
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        roles = {str(role): dict(told) for role, told in dict(entry["roles"]).items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path}: cannot be read ({error}); run 'defocus-capture check'"
        ) from error
    return {
        "id": pair.id,
        "measured": {"verdict": entry.get("verdict"), "reason": entry.get("reason")},
        "settings": [[role, _settings(told)] for role, told in roles.items()],
        "numbers": measured(entry),
    }


def _settings(role: dict[str, Any]) -> str:
    got = role.get("got")
    if not isinstance(got, dict):
        return "unknown"
    written = {"aperture": "{}", "shutter": "{} s", "iso": "ISO {}"}
    return ", ".join(
        written.get(name, "{}").format(value) if name in written else f"{name} {value}"
        for name, value in got.items()
    )
