"""Shots as a lab takes them: photographs with depth behind a traced lens, as RAW and JPEG files.

``python -m research.lab_shots OUT PHOTOGRAPHS`` writes the shots of pairs and ``OUT/rig.toml``;
``defocus-capture shoot --camera command:OUT/rig.toml`` takes them one after the other."""

import argparse
import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from defocus.errors import InputError
from defocus.pictures.read import IMAGE_SUFFIXES, read_image
from defocus.pictures.values import as_integer, as_linear
from defocus.progress import track
from defocus.scene.drawn_lens import draw_lens
from defocus.scene.geometry import Similarity
from defocus.scene.real_lens import RealLens
from defocus.storage.files import make_folder, write_json, write_text
from research.alignment_truth.real_like.lens import lens_blurred
from research.light import (
    Array,
    Matrix,
    Random,
    centred_grid,
    encoded,
    files_with,
    from_centre_squared,
    homogeneous,
    random_part,
    single,
)

MARGIN_PX = 64
"""Width around a picture that its blur and its movement bring in, px."""
WANDER_PX = 24
"""Farthest that the camera is turned between two takes of a scene, px."""
POSTER_PX = 3072
"""Greatest width of a photograph in a scene, px; larger scenes show more of them."""
SENSOR_MM = 36.0
RANGE_PX = (40.0, 90.0)
"""Circles of confusion from the nearest to the farthest of a scene 6,000 px wide, px."""
OPENED, STOPPED = 2.8, 11.0
SECONDS = {OPENED: (1, 1000), STOPPED: (1, 60)}
"""Exposure time by f-number, as the camera names it."""
DIFFRACTION_UM = 0.42 * 0.55
"""Standard deviation of the Airy pattern of green light at f/1."""
SHIFT_PX, ROTATION_DEG = 3.0, 0.01
"""Largest movement of the mount between two shots of a pair."""
ZOOM, DISTORTION = 0.001, 0.0015
"""Breathing of the lens between both apertures, and how much more it magnifies the corners of the
sharp shot."""
VIGNETTING = 0.25
"""Share of the light that the corners lose at the wide aperture."""
ELECTRONS, READ_ELECTRONS = 40_000, 3.0
"""Charge of a pixel that is white, and standard deviation of its reading."""
NEUTRAL = (0.5, 1.0, 0.6)
"""Response of the sensor to grey, in its red, green and blue."""
WHITE = 16383
XYZ_TO_SRGB = np.array(
    [
        [3.2405, -1.5371, -0.4985],
        [-0.9693, 1.8760, 0.0416],
        [0.0556, -0.2040, 1.0572],
    ]
)
QUALITY = 92

NEXT = """#!/bin/sh
# The files of the next shot of this role go to $1.dng and $1.jpg.
for pair in {shots}/*/; do
  shot="$pair$(basename "$1")"
  if [ -e "$shot.dng" ]; then
    mv "$shot.jpg" "$1.jpg" && exec mv "$shot.dng" "$1.dng"
  fi
done
echo "no shot is left" >&2
exit 1
"""
RIG = """model = "Lab camera"
suffixes = [".dng", ".jpg"]
shoot = ["/bin/sh", {next}, "{{output}}"]
[settings.aperture]
set = ["true"]
choices = ["f/2.8", "f/11"]
[settings.shutter]
set = ["true"]
choices = ["1/1000", "1/60"]
[settings.iso]
set = ["true"]
choices = ["100"]
"""


@dataclass(frozen=True)
class LabScene:
    """Linear light ``(H, W, 3)`` of a scene, with a margin, as each aperture shows it."""

    blurry: Array
    sharp: Array


def lab_scene(
    files: Sequence[Path],
    size: tuple[int, int],
    lens: RealLens,
    draw: Random,
) -> LabScene:
    """Posters of photographs that face the camera at different distances."""
    light, nearness = _posters(files, size, draw)
    in_focus = nearness[tuple(draw.integers(nearness.shape))]
    range_px = draw.uniform(*RANGE_PX) * size[0] / 6000
    diameter = (in_focus - nearness) * (range_px / np.ptp(nearness))
    stopped = replace(lens, f_number=STOPPED)
    sharp = lens_blurred(light, single(diameter * OPENED / STOPPED), stopped)
    diffraction_px = DIFFRACTION_UM * STOPPED / lens.pixel_pitch_um
    return LabScene(
        blurry=lens_blurred(light, diameter, lens),
        sharp=single(cv2.GaussianBlur(sharp, (0, 0), diffraction_px)),
    )


def _posters(
    files: Sequence[Path],
    size: tuple[int, int],
    draw: Random,
) -> tuple[Array, Array]:
    """Light ``(H, W, 3)`` of photographs side by side, and how near each of them is."""
    around = 2 * (MARGIN_PX + WANDER_PX)
    width = size[0] + around
    height = size[1] + around
    count = max(2, math.ceil(width / POSTER_PX))
    light = np.empty((height, width, 3), np.float32)
    nearness = np.empty((height, width), np.float32)
    for rows in _parts(height, count):
        for columns in _parts(width, count):
            nearness[rows, columns] = draw.uniform(-1, 1)
            shape = nearness[rows, columns].shape
            light[rows, columns] = _photograph(files, shape, draw)
    return light, nearness


def _parts(length: int, count: int) -> list[slice]:
    """A length in equal parts."""
    ends = np.linspace(0, length, count + 1).round().astype(int).tolist()
    return [slice(*ends[place : place + 2]) for place in range(count)]


def _photograph(
    files: Sequence[Path],
    shape: tuple[int, ...],
    draw: Random,
) -> Array:
    """A part of a photograph at its own pixels; photographs that are too small are left."""
    for place in draw.permutation(len(files)).tolist():
        part = random_part(draw, read_image(files[place]), *shape[:2])
        if part.shape[:2] == shape[:2]:
            return single(as_linear(part))
    raise InputError(f"no photograph has {shape[1]} x {shape[0]} px or more")


def draw_movement(size: tuple[int, int], draw: Random) -> Matrix:
    """The transform from positions in the blurry frame to those in the sharp one."""
    rotation_deg = draw.uniform(-ROTATION_DEG, ROTATION_DEG)
    right_px, down_px = draw.uniform(-SHIFT_PX, SHIFT_PX, 2).tolist()
    moved = Similarity(1 + ZOOM, rotation_deg, (right_px, down_px))
    return homogeneous(moved.matrix(*size))


def lights_of_take(
    scene: LabScene,
    matrix: Matrix,
    size: tuple[int, int],
    draw: Random,
) -> dict[str, Array]:
    """The light of the three shots of a take, whose camera is turned a little."""
    width, height = size
    left, top = (MARGIN_PX + draw.integers(0, 2 * WANDER_PX + 1, 2)).tolist()
    x, y = _seen_from(matrix, size)
    x += left
    y += top
    sharp = single(cv2.remap(scene.sharp, x, y, cv2.INTER_LANCZOS4))
    fall = 1 - VIGNETTING * from_centre_squared((height, width))
    seen = scene.blurry[top : top + height, left : left + width]
    blurry = seen * single(fall)[:, :, None]
    return {"sharp": sharp, "blurry": blurry, "anchor": sharp}


def _seen_from(matrix: Matrix, size: tuple[int, int]) -> tuple[Array, Array]:
    """Positions in the blurry frame of the pixels of the sharp one, which is distorted."""
    width, height = size
    y, x = centred_grid((height, width))
    scale = 1 - DISTORTION * (x * x + y * y) / 2
    x = (x * scale + 1) * (width - 1) / 2
    y = (y * scale + 1) * (height - 1) / 2
    back = np.linalg.inv(matrix)
    across = back[0, 0] * x + back[0, 1] * y + back[0, 2]
    down = back[1, 0] * x + back[1, 1] * y + back[1, 2]
    return single(across), single(down)


def write_shot(
    stem: Path,
    light: Array,
    f_number: float,
    taken: str,
    draw: Random,
) -> None:
    """Write the RAW file and the JPEG of a shot."""
    sensed = _with_noise(np.maximum(light, 0), draw)
    _write_dng(stem.with_suffix(".dng"), sensed, f_number, taken)
    exif = PillowImage.Exif()
    exif[0x8769] = {
        36867: taken,
        34855: 100,
        33437: IFDRational(round(f_number * 10), 10),
        33434: IFDRational(*SECONDS[f_number]),
    }
    exif[0x010F], exif[0x0110] = "Lab", "Lab camera"
    PillowImage.fromarray(as_integer(encoded(sensed), 8)).save(
        stem.with_suffix(".jpg"),
        quality=QUALITY,
        exif=exif,
    )


def _with_noise(light: Array, draw: Random) -> Array:
    electrons = light * ELECTRONS
    deviation = np.sqrt(electrons + READ_ELECTRONS**2)
    noise = draw.standard_normal(light.shape, np.float32)
    return single((electrons + deviation * noise) / ELECTRONS)


def _write_dng(path: Path, light: Array, f_number: float, taken: str) -> None:
    """A mosaic of red, green, green and blue, 14 bits, with the sensor's colours."""
    raw = np.array(light[:, :, 1])
    raw[0::2, 0::2] = light[0::2, 0::2, 0] * NEUTRAL[0]
    raw[1::2, 1::2] = light[1::2, 1::2, 2] * NEUTRAL[2]
    codes = np.clip(raw * WHITE, 0, WHITE)
    pixels = np.rint(codes).astype(np.uint16)
    tags = _dng_tags(f_number, taken)
    tifffile.imwrite(path, pixels, photometric=32803, extratags=tags)


def _dng_tags(f_number: float, taken: str) -> list[tuple[int, str, int, object, bool]]:
    """What a RAW converter needs: settings, mosaic, white, colours and white balance."""
    matrix = np.diag(NEUTRAL) @ XYZ_TO_SRGB
    return [
        (271, "s", 0, "Lab", True),
        (272, "s", 0, "Lab camera", True),
        (274, "H", 1, 1, True),
        (33434, "2I", 1, SECONDS[f_number], True),
        (33437, "2I", 1, (round(f_number * 10), 10), True),
        (34855, "H", 1, 100, True),
        (36867, "s", 0, taken, True),
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50707, "B", 4, (1, 1, 0, 0), True),
        (50708, "s", 0, "Lab camera", True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50714, "H", 1, 0, True),
        (50717, "H", 1, WHITE, True),
        (50721, "2i", 9, _rationals(matrix.ravel().tolist()), True),
        (50728, "2I", 3, _rationals(NEUTRAL), True),
        (50778, "H", 1, 21, True),
    ]


def _rationals(values: Sequence[float]) -> list[int]:
    """Numerators and denominators, one after the other."""
    numbers = []
    for value in values:
        numbers += [round(value * 10_000), 10_000]
    return numbers


def shots(
    out: Path,
    files: Sequence[Path],
    size: tuple[int, int],
    takes: int,
    numbers: Sequence[int],
    seed: int,
) -> Iterator[int]:
    """Write the shots of scenes by their numbers, and give each number once it is done."""
    pitch_um = SENSOR_MM * 1000 / size[0]
    lens = draw_lens(np.random.default_rng([seed, 0]), pitch_um)
    widest = max(OPENED, lens.open_f_number)
    lens = replace(lens, f_number=widest)
    for number in numbers:
        draw = np.random.default_rng([seed, number])
        scene = lab_scene(files, size, lens, draw)
        for take in range(takes):
            matrix = draw_movement(size, draw)
            lights = lights_of_take(scene, matrix, size, draw)
            minute = (number - 1) * takes + take
            pair = make_folder(out / "shots" / f"{minute + 1:04d}")
            _write_take(pair, lights, minute, draw)
            truth = {"matrix": matrix.tolist(), "distortion": DISTORTION}
            write_json(pair / "truth.json", truth)
        yield number


def _write_take(
    pair: Path,
    lights: Mapping[str, Array],
    minute: int,
    draw: Random,
) -> None:
    """Write the shots of a pair, two seconds apart."""
    hour, minute_of_hour = divmod(minute, 60)
    for place, (role, light) in enumerate(lights.items()):
        f_number = OPENED if role == "blurry" else STOPPED
        second = 2 * place
        taken = f"2026:05:04 {10 + hour:02d}:{minute_of_hour:02d}:{second:02d}"
        write_shot(pair / role, light, f_number, taken, draw)


def write_rig(out: Path) -> None:
    """Write the file of the camera that delivers the shots."""
    program = out.resolve() / "next.sh"
    folder = shlex.quote(str(out.resolve() / "shots"))
    write_text(program, NEXT.format(shots=folder))
    write_text(out / "rig.toml", RIG.format(next=json.dumps(str(program))))


def main() -> None:
    """Make the shots of some scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--takes", type=int, default=5, help="pairs of each scene")
    parser.add_argument(
        "--first", type=int, default=1, help="number of the first scene"
    )
    parser.add_argument("--size", type=int, nargs=2, default=(6000, 4000))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    out = make_folder(asked.out)
    write_rig(out)
    numbers = range(asked.first, asked.first + asked.scenes)
    files = files_with(IMAGE_SUFFIXES, asked.photographs)
    size = tuple(asked.size)
    made = shots(out, files, size, asked.takes, numbers, asked.seed)
    for _ in track(made, "scenes", total=len(numbers)):
        pass


if __name__ == "__main__":
    main()
