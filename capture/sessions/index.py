"""``session.json``: facts of a session for people and other programs, made from the journal."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from defocus.capture.sessions.state import SCHEMA, PlannedPair, SessionChart, SessionState
from defocus.reading import read_json

__all__ = ["INDEX", "index_document", "index_problem"]

INDEX = "session.json"


def index_document(state: SessionState) -> dict[str, Any]:
    """The document that the journal's state makes."""
    return {
        "schema": SCHEMA,
        "id": state.id,
        "created": state.created,
        "software": state.software,
        "units": "EV, seconds, mm, um, px as the names end; f-numbers and ISO plain",
        "shoots": [shoot.to_json() for shoot in state.shoots],
        "series": state.series,
        "planned": [_planned(pair) for pair in state.planned.values()],
        "charts": [_chart(chart) for _, chart in sorted(state.charts.items())],
        "notes": {about: text for about, text in state.notes.items() if text},
        "pairs": {
            planned.id: state.complete[planned.id].verdict
            if planned.id in state.complete
            else "incomplete"
            for planned in sorted(state.planned.values(), key=lambda p: p.number)
        },
    }


def _planned(pair: PlannedPair) -> dict[str, Any]:
    """A planned pair; earlier documents have no titles, and most pairs need none."""
    return {name: value for name, value in asdict(pair).items() if name != "title" or value}


def _chart(chart: SessionChart) -> dict[str, Any]:
    """A shot of the test chart: its journal lines."""
    read = None if chart.read is None else chart.read.model_dump(mode="json")
    return {"shot": chart.shot.model_dump(mode="json"), "read": read}


def index_problem(root: Path, state: SessionState) -> str:
    """What is wrong with the document of a session folder; empty if it agrees with the journal."""
    path = root / INDEX
    try:
        found = read_json(path)
    except FileNotFoundError:
        return f"{path}: missing"
    except (OSError, ValueError) as error:
        return f"{path}: damaged ({error})"
    expected = json.loads(json.dumps(index_document(state)))
    if not isinstance(found, dict):
        return f"{path}: damaged (no table)"
    said = expected | {
        key: found[key] for key in expected if key in found
    }  # earlier ones lack some
    wrong = next((key for key in expected if said[key] != expected[key]), None)
    wrong = wrong or next((key for key in ("id", "pairs") if key not in found), None)
    return "" if wrong is None else f"{path}: '{wrong}' is not what the journal says"
