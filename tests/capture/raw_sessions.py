"""Sessions of RAW files that were made here, with a known scene in them."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import tifffile

from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.lines import Verdict
from defocus.capture.sessions.state import CompletePair, PlannedPair
from defocus.storage.files import write_json

WHITE = 16383
NEUTRAL = (0.5, 1.0, 0.6)
Target = TypeVar("Target", Path, io.BytesIO)


def bayer_dng(
    path: Target,
    light: np.ndarray,
    *,
    neutral: tuple[float, float, float] = NEUTRAL,
    f_number: float = 4.0,
    seconds: tuple[int, int] = (1, 125),
    iso: int = 100,
    taken: str = "2026:05:04 03:02:01",
) -> Target:
    """A Bayer DNG of a grey scene: ``light`` in [0, 1] is what green pixels get, red and blue less.

    ``neutral`` is what a grey surface gives in camera red, green and blue, as the file says."""
    raw = light * WHITE
    raw[0::2, 0::2] *= NEUTRAL[0]
    raw[1::2, 1::2] *= NEUTRAL[2]
    rational = [v for n in neutral for v in (int(n * 1000), 1000)]
    matrix = [3, 1, -1, 1, 0, 1, -1, 1, 2, 1, 0, 1, 0, 1, 0, 1, 1, 1]
    tags = [
        (271, "s", 0, "Testmaker", True),
        (272, "s", 0, "Camera 1", True),
        (274, "H", 1, 6, True),
        (33434, "2I", 1, seconds, True),
        (33437, "2I", 1, (round(f_number * 10), 10), True),
        (34855, "H", 1, iso, True),
        (36867, "s", 0, taken, True),
        (42036, "s", 0, "Lens 50 mm", True),
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50707, "B", 4, (1, 1, 0, 0), True),
        (50708, "s", 0, "Test Camera", True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50714, "H", 1, 0, True),
        (50717, "H", 1, WHITE, True),
        (50721, "2i", 9, matrix, True),
        (50728, "2I", 3, rational, True),
        (50778, "H", 1, 21, True),
    ]
    pixels = np.rint(raw).astype(np.uint16)
    tifffile.imwrite(path, pixels, photometric=32803, extratags=tags, compression=None)
    return path


def write_session(
    root: Path,
    pairs: list[Mapping[str, Path]],
    verdicts: Mapping[int, Verdict] | None = None,
    scenes: Mapping[int, str] | None = None,
    reasons: Mapping[int, str] | None = None,
    seconds: Mapping[str, float] | None = None,
    measured_ev: float | None = 0.01,
) -> list[str]:
    """A session whose pairs have these files by role, which are copied; ids of the pairs.

    ``verdicts``, ``scenes`` and ``reasons`` are by index; ``seconds`` are true times by role;
    ``measured_ev`` is the light of the blurry over the sharp shots, as they were judged."""
    planned = [
        PlannedPair(f"{n:04d}_desk", n, "desk", 0) for n in range(1, len(pairs) + 1)
    ]
    with open_session_folder(root, create=True) as folder:
        folder.plan([{"camera": {"uri": "sim:"}}], planned)
        for index, (pair, files) in enumerate(zip(planned, pairs, strict=True)):
            verdict, reason = (
                (verdicts or {}).get(index, "accept"),
                (reasons or {}).get(index, ""),
            )
            inside = folder.begin_pair(pair)
            stored, roles = {}, {}
            for role, source in files.items():
                part = inside / f"{role}{source.suffix}.part"
                part.write_bytes(source.read_bytes())
                (stored[role],) = folder.store_originals(pair, role, [part])
                true = {
                    "f_number": 4.0,
                    "seconds": (seconds or {}).get(role, 1.0),
                    "iso": 100.0,
                }
                roles[role] = {
                    "file": stored[role].name,
                    "sha256": stored[role].sha256,
                    "got": {"aperture": "f/4"},
                    "true": true,
                }
            document = {
                "id": pair.id,
                "scene": (scenes or {}).get(index, pair.scene),
                "roles": roles,
                "quality": {"measured_ev": measured_ev, "sharp_clipped_share": None},
                "verdict": verdict,
                "reason": reason,
            }
            write_json(inside / "pair.json", document)
            (record,) = folder.store_written(pair, [inside / "pair.json"])
            names = (stored["blurry"].name, stored["sharp"].name)
            kept = (*stored.values(), record)
            folder.complete(
                CompletePair(pair.id, pair.scene, verdict, reason, *names, kept)
            )
    return [pair.id for pair in planned]


def record(out: Path, pair: str) -> dict[str, object]:
    """What ``develop`` wrote down about a pair."""
    text = (out / "records" / f"{pair}.json").read_text()
    written: dict[str, object] = json.loads(text)
    return written
