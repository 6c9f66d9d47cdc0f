"""Gains on real focus stacks: each frame against the merged picture aligned to it."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from defocus.datasets.measuring.revision import MEASURING_REVISION
from defocus.processes.isolation import LeftOut, attempt
from defocus.progress import say, track
from defocus.reading import read_json
from defocus.storage.files import sha256_file, write_json
from research import markdown
from research.light import Pixels
from research.native_size.cases import Given
from research.native_size.measured import Kept
from research.native_size.systems import Row
from research.native_size.tables import FAILED, head_lines, signed
from research.pages.weights import AlignedFrame, aligned_frames, half

Gain = tuple[float, float]
"""Gain on a frame, dB: where it is blurred, and as a whole."""
Gains = Mapping[str, Gain]
"""Gains of each frame by its name."""


def as_stored(picture: Pixels) -> Pixels:
    """The picture at its full size."""
    return picture


SIZES: Mapping[str, Callable[[Pixels], Pixels]] = {
    "full size": as_stored,
    "half size": half,
}
HEADS = (
    "stack",
    "row",
    "frames",
    "where blurred, dB (worst)",
    "whole frames, dB (worst)",
)


def stack_table(stacks: Path, rows: Sequence[Row], kept: Kept) -> str:
    """Mean gain of each row on the frames of each stack, at full and half size."""
    restoring = [row for row in rows if not row.needs_kernel]
    lines = head_lines(HEADS)
    for merged in sorted(stacks.glob("*/expected.jpg")):
        for size in SIZES:
            gains = _stack_gains(merged.parent, size, restoring, kept)
            for name, of_frames in gains.items():
                head = f"{merged.parent.name}, {size}"
                lines.append(markdown.row(head, name, *_texts(of_frames)))
    return "\n".join(lines)


def _texts(gains: Gains) -> list[str]:
    if not gains:
        return ["0", FAILED, FAILED]
    texts = [str(len(gains))]
    for column in zip(*gains.values(), strict=True):
        mean = signed(np.mean(column))
        texts.append(f"{mean} ({signed(min(column))})")
    return texts


def _stack_gains(
    folder: Path,
    size: str,
    rows: Sequence[Row],
    kept: Kept,
) -> dict[str, Gains]:
    """The gains of each row; frames are aligned only for rows that are not kept."""
    paths = {}
    for row in rows:
        key = _key(folder, size, row)
        paths[row.name] = kept.folder / f"{key}.json"
    lacking = [row for row in rows if not paths[row.name].is_file()]
    if lacking:
        _measure_frames(folder, size, lacking, paths)
    return {name: _read(path) for name, path in paths.items()}


def _measure_frames(
    folder: Path,
    size: str,
    rows: Sequence[Row],
    paths: Mapping[str, Path],
) -> None:
    """Write the gains of rows; a row that fails on a frame is named and has no file."""
    gains: dict[str, dict[str, Gain]] = {row.name: {} for row in rows}
    names = []
    frames = aligned_frames(folder, SIZES[size])
    for frame in track(frames, f"{folder.name}, {size}"):
        names.append(frame.name)
        for name, gain in _frame_gains(frame, rows):
            gains[name][frame.name] = gain
    for name, of_frames in gains.items():
        if list(of_frames) == names:
            write_json(paths[name], of_frames)


def _frame_gains(
    frame: AlignedFrame,
    rows: Sequence[Row],
) -> Iterator[tuple[str, Gain]]:
    given = Given(np.ascontiguousarray(frame.blurry, np.float32))
    for row in rows:
        restored = attempt(row.name, partial(row.restore, given))
        if isinstance(restored, LeftOut):
            say(f"{frame.name}: {row.name} is left out: {restored.reason}", error=True)
            continue
        picture = np.asarray(restored, np.float64)
        soft = frame.gain(picture, frame.soft)
        yield row.name, (soft, frame.gain(picture, frame.valid))


def _read(path: Path) -> Gains:
    if not path.is_file():
        return {}
    document = read_json(path)
    return {name: (soft, whole) for name, (soft, whole) in document.items()}


def _key(folder: Path, size: str, row: Row) -> str:
    files = sorted(folder.glob("*.jpg"))
    document = {
        "frames": list(map(sha256_file, files)),
        "size": size,
        "measuring": MEASURING_REVISION,
        "row": row.content,
        "name": row.name,
    }
    text = json.dumps(document, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
