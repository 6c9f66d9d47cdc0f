"""Faults in pairs of the simulated camera, judged as two folders and as a card."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from defocus.progress import track
from research.pages.faults import (
    audited,
    camera_files,
    camera_lights,
    card_name,
    imported_card,
    write_pair,
)
from research.pages.faults_released import numbers_of
from research.sharp_member.plants import PLANTS, Plant
from research.sharp_member.rates import Said

GOOD = 48
"""Number of pairs without a fault; pairs with a fault come after them."""
SCENES = {"strong": 4000, "weak": 4100}
"""Number of the first scene of each set."""
STRENGTHS = tuple(SCENES)
OF_EVERY_PAIR = (
    "exposure is off by -0.1",
    "the camera moved by 2.",
    "the sharp picture has 1.",
)
"""Warnings that good pairs have, too: the camera's apertures are 0.14 EV off, and it moves."""


def plant_of(number: int) -> Plant | None:
    """The fault of a pair by its number, from 1 on."""
    return None if number <= GOOD else PLANTS[number - GOOD - 1]


def make_set(root: Path, strength: str) -> None:
    """Make the pairs as two folders, and as a card of one folder."""
    numbers = range(1, GOOD + len(PLANTS) + 1)
    for number in track(numbers, f"{strength} faults"):
        if not (root / "card" / card_name(number, 1)).exists():
            write_pair(root, number, _files(number, strength))


def _files(number: int, strength: str) -> dict[str, bytes]:
    """Both files of a pair, with its fault."""
    scene = SCENES[strength] + number - 1
    lights = camera_lights(scene, "")
    plant = plant_of(number)
    if plant is not None:
        draw = np.random.default_rng([scene, number])
        sharp = lights["sharp"].astype(np.float32)
        size = plant.size[STRENGTHS.index(strength)]
        changed = plant.change(sharp, size, draw)
        lights["sharp"] = changed.astype(np.float64)
    return camera_files(lights, number)


def by_audit(root: Path) -> list[Said]:
    """The warnings of ``audit`` and the rules of ``curate`` but one, which ``compensate`` mends."""
    _, pairs = audited(root)
    said = []
    for pair in pairs:
        reasons = [*pair.reasons, *pair.warnings]
        said.append(Said(_fault(pair.number), pair.verdict, "; ".join(reasons)))
    return said


def by_session(root: Path) -> list[Said]:
    """The verdicts of ``check`` on the card, imported as a session."""
    session = imported_card(root)
    command = [sys.executable, "-m", "defocus.capture"]
    command += ["check", str(session), "--json", "-q"]
    answer = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
    )
    numbers = numbers_of(session)
    by_number = {}
    for pair in json.loads(answer.stdout)["pairs"]:
        by_number[numbers[pair["id"]]] = pair
    missing = {"verdict": "reject", "reason": "makes no pair"}
    said = []
    for number in range(1, GOOD + len(PLANTS) + 1):
        pair = by_number.get(number, missing)
        reason = _of_sharp_member(pair["reason"])
        verdict = pair["verdict"]
        if verdict == "warn" and not reason:
            verdict = "accept"
        said.append(Said(_fault(number), verdict, reason))
    return said


def _of_sharp_member(reason: str) -> str:
    """A reason without what is said of every pair of the simulated camera."""
    parts = reason.split("; ")
    return "; ".join(part for part in parts if not part.startswith(OF_EVERY_PAIR))


def _fault(number: int) -> str:
    plant = plant_of(number)
    return "" if plant is None else plant.name
