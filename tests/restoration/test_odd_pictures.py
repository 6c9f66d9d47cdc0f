"""Public sets of odd pictures: none ends a run, pixels are as others read them, losses are named.

``DEFOCUS_ODD_PICTURES`` names a folder with a folder for each set; ``-s`` prints the table.
"""

import io
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Pillow

from defocus.baselines.registry import baseline
from defocus.pictures.blocks import lost_blocks
from defocus.pictures.headers import kind_of
from defocus.pictures.heif import HEIF_KINDS
from defocus.pictures.metadata import inventory
from defocus.pictures.raw import RAW_SUFFIXES
from defocus.pictures.read import IMAGE_SUFFIXES, read_stored
from defocus.pictures.webp import is_lossless
from defocus.restoration.journal import Restored
from defocus.restoration.run import restore_pictures
from defocus.restoration.settings import RestoreSettings
from tests.fuzz.campaign import limited
from tests.pictures.other_readers import agrees, told_by_others

FOLDER = os.environ.get("DEFOCUS_ODD_PICTURES", "")
SECONDS = 600
COLUMNS = (
    "files",
    "restored",
    "refused",
    "tracebacks",
    "wrong pixels",
    "lost without a remark",
)


def faults_of(path: Path, out: Path) -> tuple[str, list[str]]:
    """What became of a picture, and what is wrong with that."""
    system, device = baseline("input"), torch.device("cpu")
    try:
        with limited(SECONDS):
            settings = RestoreSettings(out=out, tile=0, strength=0, no_guard=True)
            (row,) = restore_pictures([path], system, None, device, settings)
    except BaseException as error:  # noqa: BLE001 - whatever comes out of it is the fault
        return "tracebacks", [f"tracebacks: {path.name}: {error!r}"]
    if "please report" in row.reason:
        return "tracebacks", [f"tracebacks: {row.reason}"]
    if row.reason:
        return "refused", []
    data, new = path.read_bytes(), Path(row.restored).read_bytes()
    lossy = kind_of(new) == "JPEG" or (kind_of(new) == "WebP" and not is_lossless(new))
    pixels = read_stored(path if lossy else Path(row.restored))
    raw = path.suffix.lower() in RAW_SUFFIXES  # others read the preview in it
    theirs = [] if raw else told_by_others(data)
    faults = [
        f"lost without a remark: {path.name}: {one}" for one in unnamed(row, data, new)
    ]
    # libraries compute the same values otherwise
    lossy = lossy or kind_of(data) in HEIF_KINDS
    if theirs and not any(agrees(pixels, one, lossy=lossy) for one in theirs):
        faults.append(f"wrong pixels: {path.name}")
    return "restored", faults


def unnamed(restoration: Restored, data: bytes, new: bytes) -> set[str]:
    """Kinds of blocks that are lost and that no remark names."""
    said = " ".join(restoration.remarks)
    lost = {one.kind for one in lost_blocks(inventory(data), inventory(new))}
    before, after = (info_of(one) for one in (data, new))
    for name, word in {"icc_profile": "colour profile", "comment": "comment"}.items():
        if before.get(name) and not after.get(name):
            lost.add(word)
    return {one for one in lost if one not in said}


def info_of(data: bytes) -> dict[Any, Any]:
    """What Pillow says of a file's metadata; nothing if it does not read it."""
    try:
        with Pillow.open(io.BytesIO(data)) as opened:
            return dict(opened.info)
    except Exception:  # noqa: BLE001 - it has many ways of its own
        return {}


@pytest.mark.full
@pytest.mark.timeout(0)
@pytest.mark.skipif(
    not FOLDER, reason="no odd pictures: set DEFOCUS_ODD_PICTURES to their folder"
)
def test_odd_pictures_come_out_as_they_are_or_are_refused(tmp_path):
    faults: list[str] = []
    table = [("set", *COLUMNS)]
    for folder in sorted(one for one in Path(FOLDER).iterdir() if one.is_dir()):
        counts: Counter[str] = Counter()
        for number, path in enumerate(sorted(folder.rglob("*"))):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
                became, losses = faults_of(path, tmp_path / folder.name / str(number))
                kinds = [
                    one.partition(":")[0] for one in losses if became == "restored"
                ]
                counts.update(["files", became, *kinds])
                faults += [f"{folder.name}: {one}" for one in losses]
        table.append((folder.name, *(str(counts[one]) for one in COLUMNS)))
    print(*("| " + " | ".join(row) + " |" for row in table), sep="\n")  # noqa: T201 - asked for
    assert not faults, "\n".join(faults)
