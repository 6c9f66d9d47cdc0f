"""The page of blind comparisons: one file that opens offline and saves a person's answers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import InputError
from defocus.extras.people.trials import BLURRY, SHARP, Trial, plan_hash
from defocus.pictures import picture_name
from defocus.pictures.read import read_image
from defocus.pictures.write import data_address
from defocus.reports.html import content_security_policy

CROP_PX = 320
"""Side of the part that is shown, px: small enough to be shown at 1:1 with its finest detail."""

STATES = ("restored", "blurry", "sharp")


def shared_pairs(folders: Mapping[str, Path]) -> list[str]:
    """Pairs whose restored picture every system has, with the blurry and the sharp one."""
    shared: set[str] | None = None
    for folder in folders.values():
        whole = set()
        for path in folder.glob(picture_name("*.restored")):
            name = path.name.removesuffix(picture_name(".restored"))
            files = [folder / picture_name(f"{name}.{state}") for state in STATES]
            if all(file.is_file() for file in files):
                whole.add(name)
        shared = whole if shared is None else shared & whole
    if not shared:
        raise InputError(
            "no picture that all systems restored and that has a sharp one"
        )
    return sorted(shared)


def judging_page(folders: Mapping[str, Path], trials: Sequence[Trial]) -> str:
    """The page as one HTML document; no system is named in it."""
    numbers: dict[tuple[str, str], int] = {}
    shown = []
    for trial in trials:
        sides = []
        for what in (trial.left, trial.right):
            number = numbers.setdefault((trial.pair, what), len(numbers))
            sides.append(number)
        shown.append(sides)
    return _filled(trials, shown, _pictures(folders, numbers))


def _pictures(
    folders: Mapping[str, Path],
    wanted: Iterable[tuple[str, str]],
) -> list[str]:
    """The part of each picture with most detail, by pair and system or member."""
    pictures = []
    crops: dict[str, tuple[slice, slice]] = {}
    any_folder = next(iter(folders.values()))
    for pair, what in wanted:
        folder = folders.get(what, any_folder)
        if pair not in crops:
            crops[pair] = _crop(_picture(folder, pair, SHARP))
        state = what if what in (SHARP, BLURRY) else "restored"
        picture = _picture(folder, pair, state)
        pictures.append(data_address(picture[crops[pair]]))
    return pictures


def _filled(
    trials: Sequence[Trial],
    shown: list[list[int]],
    pictures: list[str],
) -> str:
    """The page with the trials and their pictures in it."""
    data = {
        "plan": plan_hash(trials),
        "trials": shown,
        "pictures": pictures,
    }
    static = files(__package__) / "static"
    style = (static / "judge.css").read_text(encoding="utf-8")
    script = (static / "judge.js").read_text(encoding="utf-8")
    page = (static / "judge.html").read_text(encoding="utf-8")
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    policy = content_security_policy(style, script)
    for name, value in (
        ("policy", policy),
        ("style", style),
        ("data", text),
        ("script", script),
    ):
        page = page.replace(f"{{{name}}}", value)
    return page


def _picture(folder: Path, pair: str, state: str) -> NDArray[np.uint8]:
    return read_image(folder / picture_name(f"{pair}.{state}")).astype(np.uint8)


def _crop(sharp: NDArray[np.uint8]) -> tuple[slice, slice]:
    """The part of a picture with most detail."""
    rows, columns = sharp.shape[:2]
    height = min(CROP_PX, rows)
    width = min(CROP_PX, columns)
    edges = cv2.Laplacian(sharp.mean(axis=2), cv2.CV_64F)
    detail = np.abs(edges)
    sums = cv2.boxFilter(detail, -1, (width, height), anchor=(0, 0), normalize=False)
    inside = sums[: rows - height + 1, : columns - width + 1]
    top, left = divmod(int(inside.argmax()), inside.shape[1])
    return slice(top, top + height), slice(left, left + width)
