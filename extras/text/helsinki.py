"""Scores of the Helsinki Deblur Challenge 2021: the middle of three lines, read by tesseract.

Source: the challenge's rules and its ``OCR_evaluation.py``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from defocus.benchmark.external_results.matching import dataset_subjects, match
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import ImageError, InputError
from defocus.extras.text.character_readers.tesseract import (
    NO_DICTIONARY,
    read_text,
    tesseract_version,
)
from defocus.extras.text.similarity import similarity
from defocus.pictures import picture_name
from defocus.pictures.read import IMAGE_SUFFIXES, read_image
from defocus.pictures.values import as_float, as_integer
from defocus.pictures.write import write_image
from defocus.processes.isolation import LeftOut, attempt, parted
from defocus.progress import track
from defocus.reports.model import Column, Table
from defocus.scene.leaves import leaves_picture
from defocus.storage.files import make_folder

PASSED_FROM = 70.0
"""Mean score with which a step is passed."""

MOST_FALSE_CHARACTERS = 10.0
"""Mean number of characters read in pictures without text: with more, a method writes text."""

LINES = 3
EDGE_COLUMNS = 50
SETTINGS = {**NO_DICTIONARY, "textord_min_xheight": "100"}
TEXT_FREE = 6
TEXT_FREE_PX = (730, 1180)

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class StepScore:
    """Scores of one step of blur."""

    step: int
    pictures: int  # number of scored pictures
    unread: int  # of these, how many had not exactly three lines, so that they have no score
    mean: float  # mean score with 0 for those, percent
    mean_read: float | None  # mean score without those, percent; None if there is none

    @property
    def passed(self) -> bool:
        """Whether the mean reaches the challenge's limit."""
        return self.mean >= PASSED_FROM


@dataclass(frozen=True)
class HelsinkiResult:
    """Outcome of a method."""

    steps: tuple[StepScore, ...]  # scored steps in order
    missing: int  # number of pictures that were not restored; they score 0
    # mean number of characters read in restored pictures without text; None if none were given
    false_characters: float | None
    reader: str  # version of tesseract
    # pictures that could not be read, with reasons; they have no score
    left_out: tuple[LeftOut, ...] = ()

    @property
    def last_passed(self) -> int | None:
        """The last step up to which every step was passed; None if the first was not."""
        last = None
        for number, step in enumerate(self.steps):
            if step.step != number or not step.passed:
                break
            last = step.step
        return last

    @property
    def sane(self) -> bool | None:
        """Whether it writes no text where there is none; None if that is unknown."""
        characters = self.false_characters
        return None if characters is None else characters <= MOST_FALSE_CHARACTERS

    def to_json(self) -> dict[str, Any]:
        """The keys of ``helsinki --json``."""
        return {
            "steps": [
                {
                    "step": one.step,
                    "pictures": one.pictures,
                    "unread": one.unread,
                    "mean": one.mean,
                    "mean_read": one.mean_read,
                    "passed": one.passed,
                }
                for one in self.steps
            ],
            "missing": self.missing,
            "last_passed": self.last_passed,
            "false_characters": self.false_characters,
            "sane": self.sane,
            "tesseract": self.reader,
            "left_out": [one.to_json() for one in self.left_out],
        }


def helsinki_score(picture: Grey, text: str) -> int | None:
    """How alike the middle lines of a uint8 grey picture and a true text are, 0 to 100.

    None if not exactly three lines are read."""
    truth = [line.strip() for line in text.splitlines() if line.strip()]
    if len(truth) != LINES:
        raise InputError(f"the true text has {len(truth)} lines, not {LINES}")
    lines = read_text(_prepared(picture), SETTINGS)
    if len(lines) != LINES:
        return None
    return round(100 * similarity(lines[1], truth[1]))


def _prepared(picture: Grey) -> Grey:
    """Contrast and half the size, to the bit as the official script makes them."""
    # Its divisor is the minimum of the left edge before the shift, so the background does not
    # become white but what it becomes in the challenge. Where that is 0, all but black becomes
    # white.
    least = float(picture[:, :EDGE_COLUMNS].min())
    shifted = picture - float(picture.min())
    scaled = np.where(picture > 0, 255.0, 0.0)
    if least > 0:
        scaled = shifted * (255 / least)
    eight = np.clip(scaled, 0, 255).astype(np.uint8)
    height, width = eight.shape
    half = PillowImage.fromarray(eight).resize((width // 2, height // 2))
    return np.asarray(half, dtype=np.uint8)


def score_steps(
    restored: Path,
    dataset: Dataset,
    text_free: Path | None = None,
) -> HelsinkiResult:
    """Score a folder of restored pictures, named as the blurry ones of ``hdc2021``, by step.

    ``text_free`` has restored pictures of :func:`write_text_free`."""
    matching = match(restored, dataset_subjects(dataset))
    files = {subject.name: path for subject, path in matching.files}
    steps = []
    failed = list[LeftOut]()
    for step, pairs in track(_by_step(dataset), "reading steps"):
        read, unread = parted(
            attempt(pair.id, partial(_score, files, pair), (ImageError, OSError))
            for pair in pairs
        )
        failed += unread
        if read:
            steps.append(_step_score(step, [one.score for one in read]))
    characters = _false_characters(text_free) if text_free is not None else None
    return HelsinkiResult(
        tuple(steps),
        len(matching.missing),
        characters,
        tesseract_version(),
        dataset.without(failed),
    )


def _by_step(dataset: Dataset) -> list[tuple[int, list[Pair]]]:
    """The test pairs of each step of blur, in the order of the steps."""
    by_step: dict[int, list[Pair]] = {}
    for pair in dataset.split("test"):
        by_step.setdefault(_step_of(pair), []).append(pair)
    return sorted(by_step.items())


def _score(files: Mapping[str, Path], pair: Pair) -> "_Read":
    """How much of a pair's text is read in its restored picture; 0 without one."""
    if pair.id not in files:
        return _Read(0)
    return _Read(helsinki_score(_grey(files[pair.id]), str(pair.metadata["text"])))


@dataclass(frozen=True)
class _Read:
    """Score of a picture that could be read; None if not exactly three lines are in it."""

    score: int | None


def _step_of(pair: Pair) -> int:
    step = re.match(r"step(\d+)-", pair.id)
    if step is None or "text" not in pair.metadata:
        raise InputError(
            f"{pair.id}: no pair of the challenge; open its folder as hdc2021:DIR"
        )
    return int(step[1])


def _step_score(step: int, scores: Sequence[int | None]) -> StepScore:
    read = [score for score in scores if score is not None]
    return StepScore(
        step,
        len(scores),
        len(scores) - len(read),
        sum(read) / len(scores),
        sum(read) / len(read) if read else None,
    )


def _grey(path: Path) -> Grey:
    """A picture in 8 bits and Pillow's grey."""
    picture = read_image(path)
    eight = (
        as_integer(as_float(picture, np.float64), 8)
        if picture.dtype != np.uint8
        else picture
    )
    return np.asarray(PillowImage.fromarray(eight).convert("L"), dtype=np.uint8)


def _false_characters(folder: Path) -> float:
    paths = sorted(
        path for path in folder.glob("*") if path.suffix.lower() in IMAGE_SUFFIXES
    )
    if not paths:
        raise InputError(f"{folder}: no pictures; restore those of --make-text-free")
    counts = [
        len("".join(read_text(_prepared(_grey(path)), SETTINGS))) for path in paths
    ]
    return sum(counts) / len(counts)


def write_text_free(folder: Path) -> None:
    """Write blurry pictures without text: what a method writes into them is its own.

    Half of them are dead leaves, half a smooth light; all are blurred as far as step 10 or so."""
    import cv2

    make_folder(folder)
    height, width = TEXT_FREE_PX
    for number in range(TEXT_FREE):
        if number % 2:
            slope = np.linspace(0.55, 0.9, width)[None]
            sharp = np.repeat(slope, height, axis=0)
        else:
            sharp = leaves_picture(width, seed=number)[:height]
        blurry = cv2.GaussianBlur(sharp.astype(np.float64), (0, 0), 8.0)
        eight = np.rint(np.clip(blurry, 0, 1) * 255).astype(np.uint8)
        write_image(
            folder / picture_name(f"text-free-{number}"),
            np.repeat(eight[..., None], 3, axis=2),
        )


def steps_table(result: HelsinkiResult) -> Table:
    """The steps as a table."""
    said = {None: "not tried", True: "passed", False: "writes text where there is none"}
    last = "none" if result.last_passed is None else f"0 to {result.last_passed}"
    rows = []
    for one in result.steps:
        counts = (float(one.pictures), float(one.unread))
        passed = "yes" if one.passed else "no"
        rows.append((str(one.step), *counts, one.mean, one.mean_read, passed))
    return Table.of(
        f"Helsinki Deblur Challenge 2021, read by tesseract {result.reader}",
        (
            Column("Step", decimals=0),
            Column("Pictures", decimals=0),
            Column("No score", decimals=0),
            Column("Mean", "%", "higher", 1),
            Column("Mean of those read", "%", "higher", 1),
            "Passed",
        ),
        rows,
        note=f"Steps passed in order: {last}. Check on pictures without text: {said[result.sane]}.",
    )
