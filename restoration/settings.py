"""Settings of a restoration: of ``defocus-restore``, its page and :func:`defocus.restore`."""

from numbers import Integral
from pathlib import Path
from typing import Annotated, Any, Self

import click
from pydantic import BeforeValidator, Field, model_validator

from defocus.baselines.systems import DEFAULT_SYSTEM
from defocus.command_line.options import Folder
from defocus.command_line.where import where_field
from defocus.processes.machines import Where
from defocus.settings import JSON_LIST, CommandSettings, option
from defocus.storage.files import sha256_file

STRONGEST = 2
RESTORING_REVISION = 4
"""Revision of restoring; raise it by hand when restored pictures change, and those of an earlier
revision are made again. Revision 2 restores strong blurs in the reduced picture. Revision 3 also
restores, at the whole size, what is blurred and was left as it is. Revision 4 restores an enlarged
picture at its size before that."""


def _tile_px(value: object) -> int | None:
    """None for ``auto``, 0 for ``whole``, else the side of a tile in px."""
    if value in (None, "auto"):  # the command has read it once
        return None
    if value in ("whole", "0", 0):
        return 0
    side = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not isinstance(side, Integral) or side < 256 or side % 64:
        raise ValueError(
            f"{value!r} is not a tile size; give 'auto', 'whole' or a multiple of 64 from 256 on"
        )
    return int(side)


class RestoreSettings(CommandSettings):
    """Settings of restoring: system, the part of the result that is taken, and its folder."""

    baseline: str = option(DEFAULT_SYSTEM, "--baseline NAME", heading="Network")
    """The system to use."""
    weights: str | None = option(None, "--weights LABEL_OR_FILE")
    """Label of added weights, 'own' for weights that the package ships, or a file, which is checked
    and added. By default the shipped weights, if there are any."""
    tile: Annotated[int | None, BeforeValidator(_tile_px)] = option(
        "auto",
        "--tile auto|whole|PX",
    )
    """Side of overlapping tiles in px, 'whole' for no tiles, or 'auto' to fit the memory."""
    dataset: str | None = option(
        None,
        "--dataset READER:PATH",
        heading="Instead of IMAGES",
    )
    """Restore the blurry test pictures of this dataset to OUT/PAIR.png; 'score --restored OUT
    --dataset READER:PATH' takes them."""
    strength: Annotated[float, Field(ge=0, le=STRONGEST, strict=True)] = option(
        1.0,
        "--strength",
        heading="Strength and region",
    )
    """0 leaves the picture, 1 restores it, up to 2 goes beyond. JPEG and WebP are encoded again at
    every strength, even 0."""
    mask: Path | None = option(
        None,
        "--mask",
        type=click.Path(
            path_type=Path,
            exists=True,
            dir_okay=False,
        ),
    )
    """Mask with the size of the picture as a viewer shows it: white is restored, black is left."""
    leave_sharp: bool = option(False, "--leave-sharp")
    """Leave what is in focus as it is."""
    no_guard: bool = option(False, "--no-guard")
    """Keep parts that the guard would put back: the output is exactly what the system gives."""
    white: Annotated[float, Field(gt=0)] | None = option(None, "--white VALUE")
    """The value that means white. By default the largest integer of the file, or 1 of floats. If 16
    bits hold at most 4095, or most floats exceed 1 or all are whole numbers, white is guessed, with
    a message, or asked for."""
    out: Folder = option(Path("restored"), "--out", heading="Output")
    """Folder for the restored pictures; finished ones are not repeated."""
    map: Path | None = option(None, "--map FILE")
    """Write the estimated circle of confusion of one picture, always as two files: .png to look at,
    .tif with diameters in px."""
    where: Where = where_field(
        1,
        "Number of pictures restored at once, on the CPU; each takes up to 2.5 GB.",
    )
    as_json: bool = JSON_LIST

    @model_validator(mode="after")
    def _check_dataset(self) -> Self:
        for name, value in (("--mask", self.mask), ("--map", self.map)):
            if self.dataset is not None and value is not None:
                raise ValueError(f"{name} is for one picture, not for a dataset")
        return self

    def record(self) -> dict[str, Any]:
        """Facts that decide the restored picture, for the journal."""
        return {
            "revision": RESTORING_REVISION,
            "tile_px": self.tile,
            "strength": self.strength,
            "mask": sha256_file(self.mask) if self.mask else "",
            "leave_sharp": self.leave_sharp,
            "guard": not self.no_guard,
            "white": self.white,
        }


class ListSettings(CommandSettings):
    """Whether pictures are listed by their blur, in place of restoring them, and how."""

    listing: bool = option(False, "--list", heading="Which are in focus")
    """Restore nothing: print a table of the pictures, the sharpest first. It has the circle of
    confusion of the sharpest part and of the median in px of the picture itself, and the share of
    the frame in focus. Works with --json and --white."""
    as_csv: bool = option(False, "--csv")
    """With --list: print CSV on stdout."""
    rate: bool = option(False, "--rate")
    """With --list: write a rating of 1 to 5 stars into the XMP sidecar next to each picture. In an
    existing sidecar nothing else changes, and a rating above 1 stays."""

    @model_validator(mode="after")
    def _check_listing(self) -> Self:
        for name, asked in (("--csv", self.as_csv), ("--rate", self.rate)):
            if asked and not self.listing:
                raise ValueError(f"{name} goes with --list")
        return self
