"""How many copies ``audit`` finds, and how often it calls other pictures copies.

Photographs of a folder are the test; copies of ten kinds, made of twenty of them, are the training.
Then the left halves are searched in the right ones: similar things that are no copies."""

import argparse
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np

from defocus.datasets.copies.features import Codes, grey_picture, local_features
from defocus.datasets.copies.search import SearchedPicture, SharedPart, shared_parts
from defocus.pictures.headers import SUFFIXES
from research.light import Random, files_with, from_jpeg, random_part

ORIGINALS = 20
"""Number of photographs that are copied."""

SMALLEST_PX = 400
"""Shorter side of a photograph from which parts of 384 px can be cut."""

LEAST_CONTRAST = 12.0
"""Standard deviation, in levels of 255, of a part that somebody would train on."""

TRIES = 30


def main(folder: Path) -> None:
    """Print the shares of copies that are found, false alarms, and seconds of the processor."""
    pictures = map(grey_picture, files_with(SUFFIXES["JPEG"], folder))
    photographs = [one for one in pictures if min(one.shape) >= SMALLEST_PX]
    _print_copies(photographs)
    _print_halves(photographs)


def _print_copies(photographs: Sequence[Codes]) -> None:
    started = time.process_time()
    draws = np.random.default_rng(1)
    pictures = []
    for number, shown in enumerate(photographs):
        name = str(number)
        pictures.append(_searched(name, "test", shown))
    origins: dict[int, tuple[int, str]] = {}
    step = max(1, len(photographs) // ORIGINALS)
    for number in range(0, len(photographs), step):
        for kind, copy in _copies(photographs[number], draws).items():
            origins[len(pictures)] = number, kind
            pictures.append(_searched(f"{kind} of {number}", "train", copy))
    _say_found(pictures, origins)
    click.echo(_seconds(started, pictures))


def _say_found(
    pictures: list[SearchedPicture],
    origins: dict[int, tuple[int, str]],
) -> None:
    """Print the share of each kind that is found, then of all, and the false alarms."""
    found, false = _found_copies(pictures, origins)
    made = Counter(kind for _, kind in origins.values())
    for kind, count in made.items():
        click.echo(f"{kind:20} {found[kind]} of {count}")
    share = 100 * found.total() / made.total()
    said = f"found {share:.1f} % of {made.total()}, {false} false, "
    click.echo(said, nl=False)


def _found_copies(
    pictures: list[SearchedPicture],
    origins: dict[int, tuple[int, str]],
) -> tuple[Counter[str], int]:
    """How many copies of each kind are found, and how many pairs are none."""
    found: Counter[str] = Counter()
    false = 0
    for part in shared_parts(pictures):
        number, kind = origins[max(part.here, part.there)]
        if not part.is_copy:
            continue
        if number == min(part.here, part.there):
            found[kind] += 1
        else:
            false += 1
    return found, false


def _print_halves(photographs: Sequence[Codes]) -> None:
    started = time.process_time()
    pictures = []
    for number, shown in enumerate(photographs):
        middle = shown.shape[1] // 2
        left = shown[:, : middle - 4]
        right = shown[:, middle + 4 :]
        pictures.append(_searched(str(number), "test", left))
        pictures.append(_searched(str(number), "train", right))
    parts: list[SharedPart] = shared_parts(pictures)
    copies = [part for part in parts if part.is_copy]
    click.echo(
        f"halves of {len(photographs)} photographs: {len(copies)} called copies, "
        f"{len(parts) - len(copies)} the same place, {_seconds(started, pictures)}"
    )


def _seconds(started: float, pictures: Sequence[SearchedPicture]) -> str:
    return f"{time.process_time() - started:.0f} CPU s for {len(pictures)} pictures"


def _searched(name: str, split: str, shown: Codes) -> SearchedPicture:
    shown = np.ascontiguousarray(shown)
    return SearchedPicture(
        name,
        split,
        local_features(shown),
        lambda: shown,
    )


def _copies(shown: Codes, draws: Random) -> Mapping[str, Codes]:
    """Copies of ten kinds, saved as JPEG."""
    cut = partial(_part, shown, draws=draws)
    part = cut(256)
    small = cut(128)
    factor = draws.uniform(0.5, 1.9)
    copies: dict[str, Codes] = {
        "whole": shown,
        "cropped by 20 px": shown[20:-20, 20:-20],
        "part of 128 px": small,
        "part of 256 px": part,
        "mirrored": part[:, ::-1],
        "turned": np.rot90(part, int(draws.integers(1, 4))),
        "mirrored and turned": np.rot90(part[:, ::-1]),
        "a third": _resized(cut(384), 1 / 3),
        "three times": _resized(small, 3.0),
        "0.5 to 1.9 times": _resized(cut(300), factor),
    }
    return {kind: _saved_again(copy) for kind, copy in copies.items()}


def _part(shown: Codes, side: int, draws: Random) -> Codes:
    """A square part with some detail."""
    for _ in range(TRIES):
        part = random_part(draws, shown, side, side)
        if part.std() > LEAST_CONTRAST:
            break
    return part


def _resized(shown: Codes, factor: float) -> Codes:
    interpolation = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_CUBIC
    resized = cv2.resize(
        shown,
        None,
        fx=factor,
        fy=factor,
        interpolation=interpolation,
    )
    return np.asarray(resized, np.uint8)


def _saved_again(shown: Codes) -> Codes:
    return from_jpeg(np.ascontiguousarray(shown), 85)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="photographs as JPEG files")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    main(given.folder)
