"""Faults in pairs of the simulated camera, judged as two folders and as a card."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from defocus.datasets.api import open_dataset
from defocus.datasets.audit.run import audit_dataset
from defocus.datasets.curation_rules import Rules, judged
from defocus.progress import track
from defocus.storage.files import make_folder
from research.pages.faults import SHOTS, camera_jpeg, camera_lights
from research.pages.faults_released import numbers_of, run
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
    folders = {role: make_folder(root / "pairs" / role) for role in ("blurry", "sharp")}
    card = make_folder(root / "card")
    numbers = range(1, GOOD + len(PLANTS) + 1)
    for number in track(numbers, f"{strength} faults"):
        if (card / f"IMG_{2 * number + 1:04d}.JPG").exists():
            continue
        for place, (role, content) in enumerate(_files(number, strength).items()):
            (folders[role] / f"p{number:02d}.jpg").write_bytes(content)
            (card / f"IMG_{2 * number + place:04d}.JPG").write_bytes(content)


def _files(number: int, strength: str) -> dict[str, bytes]:
    """Both files of a pair, with its fault."""
    scene = SCENES[strength] + number - 1
    lights = camera_lights(scene, "")
    plant = plant_of(number)
    if plant is not None:
        draw = np.random.default_rng([scene, number])
        sharp = lights["sharp"].astype(np.float32)
        size = plant.size[STRENGTHS.index(strength)]
        lights["sharp"] = plant.change(sharp, size, draw).astype(np.float64)
    return {shot[0]: camera_jpeg(lights[shot[0]], shot, number) for shot in SHOTS}


def by_audit(root: Path) -> list[Said]:
    """The warnings of ``audit`` and the rules of ``curate`` but one, which ``compensate`` mends."""
    audit = audit_dataset(open_dataset(f"pairs:{root / 'pairs'}"), "dis", where=1)
    warned: dict[str, list[str]] = {}
    for one in audit.warnings:
        warned.setdefault(one.id, []).append(one.text)
    said = []
    for judgement in judged(audit, Rules(most_misalignment_px=None)):
        reasons = [*filter(None, [judgement.reason]), *warned.get(judgement.id, [])]
        verdict = (
            "warn" if judgement.verdict == "accept" and reasons else judgement.verdict
        )
        said.append(Said(_fault(int(judgement.id[1:])), verdict, "; ".join(reasons)))
    return said


def by_session(root: Path) -> list[Said]:
    """The verdicts of ``check`` on the card, imported as a session."""
    session = root / "session"
    if not (session / "session.json").exists():
        run("capture", "import", session, root / "card")
    command = [
        sys.executable,
        "-m",
        "defocus.capture",
        "check",
        str(session),
        "--json",
        "-q",
    ]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    pairs = {pair["id"]: pair for pair in json.loads(answer.stdout)["pairs"]}
    numbers = numbers_of(session)
    by_number = {numbers[name]: pair for name, pair in pairs.items()}
    missing = {"verdict": "reject", "reason": "makes no pair"}
    said = []
    for number in range(1, GOOD + len(PLANTS) + 1):
        pair = by_number.get(number, missing)
        reason = _of_sharp_member(pair["reason"])
        silent = pair["verdict"] == "warn" and not reason
        said.append(
            Said(_fault(number), "accept" if silent else pair["verdict"], reason)
        )
    return said


def _of_sharp_member(reason: str) -> str:
    """A reason without what is said of every pair of the simulated camera."""
    parts = reason.split("; ")
    return "; ".join(part for part in parts if not part.startswith(OF_EVERY_PAIR))


def _fault(number: int) -> str:
    plant = plant_of(number)
    return "" if plant is None else plant.name
