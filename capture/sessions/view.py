"""Views of a session for the page: its pairs, and one pair in detail with its numbers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from defocus.capture.sessions.state import CompletePair, SessionState, file_path
from defocus.errors import DatasetError
from defocus.reading import Json, intact, read_json

Mark = Literal["", "warn", "reject"]
"""Verdict that a number alone leads to."""

SIGNS: Mapping[Mark, str] = {"": "", "warn": "! ", "reject": "\N{MULTIPLICATION X} "}


@dataclass(frozen=True)
class NumberUnit:
    """How a kind of number is written, and compared: larger sizes are worse, unless ``least``."""

    words: Callable[[Any], str]  # of a number of an untrusted document; may raise
    size: Callable[[Any], float] = float
    limit: str = ""
    least: bool = False

    def written(self, limit: Any) -> str:  # noqa: ANN401 - of a document
        """A limit in words."""
        return self.limit.format(float(limit))

    def exceeds(self, size: float, limit: Any) -> bool:  # noqa: ANN401 - of a document
        """Whether a size is worse than a limit, if there is one."""
        if limit is None:
            return False
        if self.least:
            return size < float(limit)
        return size > float(limit)


@dataclass(frozen=True)
class NumberRow:
    """A number of ``pair.json``: keys in ``quality``; ``warn`` and ``reject`` name its limits."""

    label: str
    path: str
    unit: NumberUnit
    limits: str = ""
    always: bool = True


def measured(entry: Mapping[str, Any]) -> list[tuple[str, str, Mark]]:
    """Names, values with limits, and consequences of the numbers of an untrusted ``pair.json``.

    What was not measured is left out; what could not be is "unknown". Old sessions have no limits.
    """
    rows: list[tuple[str, str, Mark]] = []
    quality = entry.get("quality")
    limits = _mapping(entry.get("limits"))
    limits |= _mapping(_mapping(quality).get("limits_px"))
    for row in ROWS:
        value: Any = quality
        for key in row.path.split("."):
            value = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if value is _ABSENT or (value is None and not row.always):
            continue
        try:
            words = row.unit.words(value)
            limit, mark = _compared(row, value, limits)
            rows.append((row.label, f"{SIGNS[mark]}{words}{limit}", mark))
        except (TypeError, ValueError):
            rows.append((row.label, "unknown", ""))
    return rows


def _mapping(value: object) -> Json:
    """A mapping of an untrusted document; empty if it is something else."""
    return dict(value) if isinstance(value, Mapping) else {}


def _compared(
    row: NumberRow,
    value: Any,  # noqa: ANN401 - of a document
    limits: Mapping[str, Any],
) -> tuple[str, Mark]:
    """The text of a number's limit, and whether it is exceeded."""
    unit = row.unit
    warn: Any = limits.get(row.limits.format("warn"))
    reject: Any = limits.get(row.limits.format("reject"))
    if warn is None and reject is None:
        return "", ""
    size = unit.size(value)
    word, side = ("at least", "below") if unit.least else ("limit", "above")
    last = warn if reject is None else reject
    text = f" ({word} {unit.written(last)})"
    if unit.exceeds(size, reject):
        return text, "reject"
    if not unit.exceeds(size, warn):
        return text, ""
    if reject is None:
        return text, "warn"
    warning = f"warning {side} {unit.written(warn)}"
    return f" ({warning}, {word} {unit.written(reject)})", "warn"


_ABSENT = object()


# no negative zero
EV = NumberUnit(lambda value: f"{round(value, 2) + 0.0:+.2f} EV", abs, "{:.2f} EV")
SHARE = NumberUnit("{:.1%}".format, float, "{:.0%}")
LENGTH = NumberUnit(
    lambda value: f"{math.hypot(*value):.2f} px", lambda v: math.hypot(*v), "{:g} px"
)
ZOOM = NumberUnit(
    lambda v: f"{round(v - 1.0, 4) + 0.0:+.2%}", lambda v: abs(v - 1.0), "{:.1%}"
)
RATIO = NumberUnit("{:.2f} ×".format, float, "{:.2f} ×", least=True)
DECIBEL = NumberUnit("{:.1f} dB".format)
MILLISECONDS = NumberUnit(lambda value: f"{value * 1000:+.0f} ms", abs, "{:g} s")

ROWS = (
    NumberRow(
        "Exposure, not explained by settings",
        "exposure_residual_ev",
        EV,
        "exposure_{}_ev",
    ),
    *(
        NumberRow(
            "Gradient energy, sharp over blurry", f"{name}_ratio", RATIO, f"{name}_{{}}"
        )
        # the second is what sessions once said
        for name in ("gradient_energy", "sharpness")
    ),
    NumberRow(
        "Blurry is the sharper one in", "blurrier_share", SHARE, "blurrier_share_{}"
    ),
    NumberRow("Shift between the two", "misalignment.shift_px", LENGTH, "shift_{}_px"),
    NumberRow("Magnification between the two", "misalignment.zoom", ZOOM, "zoom_{}"),
    NumberRow(
        "Clipped in the blurry picture", "blurry_clipped_share", SHARE, "clipped_{}"
    ),
    NumberRow(
        "Clipped in the sharp picture", "sharp_clipped_share", SHARE, "clipped_{}"
    ),
    NumberRow("Drift while shooting", "anchor.drift_px", LENGTH, "drift_{}_px"),
    NumberRow("Light while shooting", "anchor.light_ev", EV, "exposure_{}_ev"),
    NumberRow("Moved while shooting", "anchor.moved_share", SHARE, "motion_share_{}"),
    NumberRow("Noise ceiling", "anchor.noise_ceiling_db", DECIBEL),
    NumberRow(
        "Sharp camera released later by",
        "release_skew_seconds",
        MILLISECONDS,
        "skew_{}_seconds",
        always=False,
    ),
)


def list_pairs(state: SessionState) -> list[Json]:
    """All pairs by number, with their verdicts; ``seen`` says that a person decided about one."""
    pairs = []
    for planned in sorted(state.planned.values(), key=lambda pair: pair.number):
        verdict = "incomplete"
        reason = "cut short" if planned.id in state.begun else "not shot yet"
        complete = state.complete.get(planned.id)
        if complete is not None:
            verdict = complete.verdict
            reason = complete.reason
        entry = {
            "id": planned.id,
            "number": planned.number,
            "scene": planned.scene,
            "verdict": verdict,
            "reason": reason,
            "seen": planned.id in state.judged,
            "title": planned.typed_scene,
            "note": state.notes.get(planned.id, ""),
            "scene_note": state.notes.get(planned.scene, ""),
        }
        pairs.append(entry)
    return pairs


def pair_entry(root: Path, pair: CompletePair) -> Json:
    """The ``pair.json`` of a pair; only the structure of ``roles`` is checked."""
    path = file_path(root, pair.id, "pair.json")
    with intact(path, "run 'defocus-capture check'", DatasetError, OSError):
        entry = dict(read_json(path))
        entry["roles"] = {
            str(role): dict(shot) for role, shot in dict(entry["roles"]).items()
        }
        return entry


def pair_details(root: Path, pair: CompletePair) -> Json:
    """Settings and measured numbers of a pair, as text."""
    entry = pair_entry(root, pair)
    return {
        "id": pair.id,
        "measured": {"verdict": entry.get("verdict"), "reason": entry.get("reason")},
        "settings": [[role, _settings(shot)] for role, shot in entry["roles"].items()],
        "numbers": measured(entry),
    }


def _settings(role: Json) -> str:
    got = role.get("got")
    return settings_text(got) if isinstance(got, dict) else "unknown"


def settings_text(got: Mapping[str, Any]) -> str:
    """Settings of a shot, such as ``f/4, 1/60 s, ISO 100``."""
    written = {"aperture": "{}", "shutter": "{} s", "iso": "ISO {}"}
    texts = []
    for name, value in got.items():
        text = f"{name} {value}"
        if name in written:
            text = written[name].format(value)
        texts.append(text)
    return ", ".join(texts)
