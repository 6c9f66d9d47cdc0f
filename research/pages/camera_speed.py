"""Seconds and memory of ``defocus-restore``: ``python -m research.pages.camera_speed PHOTOGRAPH``.

One photograph at 1:1, repeated in mirror writing to 12, 24 and 60 megapixels: as it is, and behind
a circle of confusion of 60 px everywhere. Only on a machine without other work the seconds say
something."""

import argparse
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.read import read_image
from defocus.pictures.values import as_integer, as_linear
from defocus.pictures.write import write_image
from defocus.progress import say
from defocus.scene.aperture import Aperture
from research.learning.large_blur import convolved
from research.light import encoded

MEGAPIXELS = (12, 24, 60)
WIDTH_BY_HEIGHT = 1.5
DIAMETER_PX = 60
"""Circle of confusion where everything is blurred."""
TILE_PX = 1024
"""Side of the parts that are blurred one by one, px: a whole picture of 60 megapixels in floats
takes gigabytes."""
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
"""Line in which Linux reports the largest memory of a process so far, in KiB."""
KIB = 1024
EVERY_S = 0.05
"""Seconds between two readings of a process's largest memory."""

Picture = NDArray[np.uint8]


def main() -> None:
    """Print a line of the table for each picture, as it is measured."""
    words = argparse.ArgumentParser(
        description="Seconds and memory of defocus-restore."
    )
    words.add_argument("photograph", type=Path)
    words.add_argument(
        "--sizes",
        nargs="+",
        type=int,
        default=MEGAPIXELS,
        metavar="MEGAPIXELS",
    )
    words.add_argument("--baseline", default="defocus-m")
    given = words.parse_args()
    photograph = np.asarray(read_image(given.photograph), np.uint8)
    say("| megapixels | picture | seconds | processor seconds | memory, GB |")
    say("|---|---|---|---|---|")
    for megapixels in given.sizes:
        for name, picture in pictures(photograph, megapixels):
            say(f"| {megapixels} | {name} | {measured(picture, given.baseline)} |")


def pictures(photograph: Picture, megapixels: float) -> Iterator[tuple[str, Picture]]:
    """The photograph at a size, in focus and blurred everywhere."""
    area_px = megapixels * 1e6
    height = round((area_px / WIDTH_BY_HEIGHT) ** 0.5)
    width = round(height * WIDTH_BY_HEIGHT)
    whole_height, whole_width = photograph.shape[:2]
    rows = max(0, height - whole_height)
    columns = max(0, width - whole_width)
    margin = ((0, rows), (0, columns), (0, 0))
    mirrored = np.pad(photograph, margin, mode="symmetric")
    sharp = np.ascontiguousarray(mirrored[:height, :width])
    yield "in focus", sharp
    yield f"{DIAMETER_PX} px everywhere", blurred(sharp)


def blurred(sharp: Picture) -> Picture:
    """The picture behind a round aperture, in linear light."""
    border = DIAMETER_PX
    padded = cv2.copyMakeBorder(
        sharp,
        border,
        border,
        border,
        border,
        cv2.BORDER_REFLECT,
    )
    result = np.empty_like(sharp)
    inner = slice(border, -border)
    height, width = sharp.shape[:2]
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            tile = result[top : top + TILE_PX, left : left + TILE_PX]
            rows, columns = tile.shape[:2]
            below = top + rows + 2 * border
            right = left + columns + 2 * border
            part = np.asarray(padded[top:below, left:right], np.uint8)
            soft = convolved(as_linear(part), DIAMETER_PX, Aperture())
            tile[:] = as_integer(encoded(soft[inner, inner]), 8)
    return result


def measured(picture: Picture, baseline: str) -> str:
    """Seconds, processor seconds and largest memory of the command, as cells of a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.jpg")
        write_image(path, picture)
        command = ["defocus-restore", str(path), "--baseline", baseline]
        command += ["--out", str(Path(folder, "restored")), "--quiet"]
        before = os.times()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        memory = _largest_memory(process)
        after = os.times()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    seconds = after.elapsed - before.elapsed
    user = after.children_user - before.children_user
    system = after.children_system - before.children_system
    of_processors = user + system
    gigabytes = memory / 1e9
    return f"{seconds:.1f} | {of_processors:.1f} | {gigabytes:.2f}"


def _largest_memory(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a process; return the largest memory that it had, bytes.

    The kernel's record for the parent will not do: a child begins with the peak of its parent."""
    status = Path(f"/proc/{process.pid}/status")
    largest = 0
    while process.poll() is None:
        found = PEAK.search(status.read_text(encoding="ascii"))
        if found is not None:
            largest = max(largest, KIB * int(found[1]))
        time.sleep(EVERY_S)
    return largest


if __name__ == "__main__":
    main()
