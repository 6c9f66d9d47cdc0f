"""A dropped picture: its file, what is shown of it, what was made of it."""

import math
import shutil
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.learned_map import BlurMap, estimate_blur_map
from defocus.blur.shown_map import shown_map
from defocus.errors import ImageError
from defocus.extras.pages.restore.first_look import LookArea, look_area, part_of
from defocus.pictures import PICTURE_SUFFIX, picture_name
from defocus.pictures.carried import meaning_of, remarks_after
from defocus.pictures.metadata import Metadata
from defocus.pictures.read import read_own_picture
from defocus.pictures.values import OwnPicture, as_integer, as_shown
from defocus.pictures.write import (
    encoded_picture,
    foreseen_remarks,
    write_picture,
    write_uncompressed,
    written_kind,
)
from defocus.restoration.blur_map_files import drawn
from defocus.restoration.files.sources import changes_format
from defocus.restoration.restoration import Restoration, RestoredScale
from defocus.restoration.scales import ScalePlan
from defocus.restoration.settings import STRONGEST
from defocus.storage.files import atomic_path, make_folder

LARGEST_PIXELS = 64_000_000
"""Largest number of pixels: a browser holds a picture several times, at 4 bytes per pixel."""
MAP_REDUCED_BY = 4
"""Factor by which the maps over the picture are smaller; they have a value for each 8 px."""
SCREEN_CELLS = (7, 9)
"""Rows and columns of cells of 64 px that a screen shows."""


@dataclass(frozen=True)
class MadeScale:
    """Result of a system for the picture at one size; see :class:`RestoredScale`."""

    factor: int
    values: Path  # ``.npy`` file
    tile_px: int
    tiles: int
    checked: int
    put_back: int

    def load(self) -> RestoredScale:
        """Read the picture again."""
        values = np.load(self.values, allow_pickle=False)
        facts = self.tile_px, self.tiles, self.checked, self.put_back
        return RestoredScale(self.factor, values, *facts)


@dataclass(frozen=True)
class Made:
    """A picture restored by one system, behind the guard."""

    scales: tuple[MadeScale, ...]
    plan: ScalePlan
    shown: Path  # at strength 1
    # checked, put_back: see :class:`Restoration`
    checked: int
    put_back: int
    seconds: float  # that it took
    # where the picture changed most, as shares of its width and height as shown
    changed_at: tuple[float, float]

    def document(self) -> dict[str, Any]:
        """The document that the page receives."""
        return {
            "checked": self.checked,
            "put_back": self.put_back,
            "enlarged": self.plan.enlarged,
            "seconds": self.seconds,
            "changed_at": self.changed_at,
        }


@dataclass
class DroppedPicture:
    """A picture in a folder of its own."""

    path: Path  # the file as it was dropped, under a name of ours
    name: str  # of the file as the browser told it, for people only
    size: tuple[int, int]  # width and height as it is shown, px
    bits: int  # see :class:`OwnPicture`
    blur_map: BlurMap | None = (
        None  # estimated circle of confusion; None before it is estimated
    )
    look: LookArea | None = None  # what of a large picture is restored first
    part: OwnPicture | None = None  # the picture in that area
    remarks: tuple[str, ...] = ()  # what of its file a saved picture does not have
    # what systems made of it, by the number of the choice
    made: dict[int, Made] = field(default_factory=dict)
    # set to end its restoring
    stop: threading.Event = field(default_factory=threading.Event)
    # held while its files are read or written
    busy: threading.Lock = field(default_factory=threading.Lock)

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return self.path.parent

    @property
    def saved_name(self) -> str:
        """Name of the restored file; RAW files, HEIC, AVIF and JPEG XL become others."""
        given = Path(self.name)
        suffix = PICTURE_SUFFIX if changes_format(self.path) else given.suffix
        return f"{given.stem}-restored{suffix}"

    def document(self) -> dict[str, Any]:
        """The document that the page receives."""
        return {
            "id": self.folder.name,
            "name": self.name,
            "saved_name": self.saved_name,
            "width": self.size[0],
            "height": self.size[1],
            "bits": self.bits,
            "look": asdict(self.look) if self.look else None,
            "mapped": self.blur_map is not None,
            "sharpest_px": self.blur_map.sharpest_px if self.blur_map else None,
            "too_blurred": self.blur_map.too_blurred if self.blur_map else False,
            "remarks": self.remarks,
            "made": {
                str(number): restoration.document()
                for number, restoration in self.made.items()
            },
        }

    def map_of(self, picture: OwnPicture) -> BlurMap:
        """The map of blur of this picture, which is estimated once; it is shown from files."""
        if self.blur_map is None:
            blur_map = estimate_blur_map(picture.colours())
            self._show_map(
                blur_map,
                shown_map(blur_map, picture.luma()),
                picture.orientation,
            )
            self.blur_map = blur_map
        return self.blur_map

    def _show_map(self, blur_map: BlurMap, shown: BlurMap, orientation: int) -> None:
        sharp = np.rint(255 * blur_map.sharp()).astype(np.uint8)
        diameters = _reduced(shown.full(), orientation)
        write_picture(self.folder / picture_name("map"), drawn(diameters), Metadata())
        write_picture(
            self.folder / picture_name("sharp"),
            _reduced(sharp, orientation),
            Metadata(),
        )

    def look_path(self, number: int) -> Path:
        """Path of the first look that a system gives."""
        return self.folder / picture_name(f"look-{number}")

    def keep_look(
        self,
        number: int,
        part: OwnPicture,
        restored: NDArray[np.float32],
    ) -> None:
        """Keep what a system made of the part that is restored first."""
        _write_shown(self.look_path(number), part, part.with_colours(restored))

    def keep(self, number: int, restoration: Restoration, seconds: float) -> None:
        """Keep what a system made, in files."""
        picture = read_own_picture(self.path)
        shown = self.folder / picture_name(f"made-{number}")
        scales = tuple(self._keep_scale(number, scale) for scale in restoration.scales)
        _write_shown(shown, picture, picture.with_colours(restoration.restored))
        self.made[number] = Made(
            scales,
            restoration.plan,
            shown,
            restoration.checked,
            restoration.put_back,
            round(seconds, 1),
            _changed_at(restoration, picture.orientation),
        )

    def _keep_scale(self, number: int, scale: RestoredScale) -> MadeScale:
        values = self.folder / f"made-{number}-{scale.factor}.npy"
        with atomic_path(values) as temporary:
            np.save(temporary, scale.restored[:])
        facts = scale.tile_px, scale.tiles, scale.checked, scale.put_back
        return MadeScale(scale.factor, values, *facts)

    def saved(self, number: int, strength: float, *, leave_sharp: bool) -> bytes:
        """The file that a person gets, as of ``defocus-restore``; see :meth:`Restoration.at`."""
        with self.busy:
            return self._saved(number, strength, leave_sharp=leave_sharp)

    def _saved(self, number: int, strength: float, *, leave_sharp: bool) -> bytes:
        picture = read_own_picture(self.path)
        restored = self._restoration(number, picture).at(
            strength,
            leave_sharp=leave_sharp,
        )
        kind = written_kind(Path(self.saved_name), self.path, picture.metadata)
        written = encoded_picture(
            picture.with_colours(restored),
            picture.metadata,
            kind,
        )
        # the file is what counts
        remarks = remarks_after(written, picture.metadata, kind)
        self.remarks = tuple(dict.fromkeys([*self.remarks, *remarks]))
        return written

    def strongest(self, number: int) -> Path:
        """File of a system's result at strength 2, for the browser; computed on request."""
        path = self.folder / picture_name(f"strongest-{number}")
        with self.busy:
            if not path.exists():
                picture = read_own_picture(self.path)
                restored = self._restoration(number, picture).at(STRONGEST)
                _write_shown(path, picture, picture.with_colours(restored))
        return path

    def _restoration(self, number: int, picture: OwnPicture) -> Restoration:
        made = self.made[number]
        scales = tuple(scale.load() for scale in made.scales)
        blur_map = self.map_of(picture)
        return Restoration(picture.colours(), scales, made.plan, blur_map)

    def remove(self) -> None:
        """End its restoring and remove its files."""
        self.stop.set()
        with self.busy:
            shutil.rmtree(self.folder)


def read_dropped(path: Path, name: str) -> DroppedPicture:
    """Read a picture; ``before`` goes beside it."""
    picture = read_own_picture(path)
    height, width = as_shown(picture.stored, picture.orientation).shape[:2]
    if width * height > LARGEST_PIXELS:
        raise ImageError(
            f"{path}: {width}x{height} pixels are more than a page can show; restore it with "
            "defocus-restore FILE"
        )
    folder = make_folder(path.parent)
    _write_shown(folder / picture_name("before"), picture, picture.stored)
    look = look_area(picture)
    part = part_of(picture, look) if look else None
    saved = path.with_suffix(PICTURE_SUFFIX) if changes_format(path) else path
    kind = written_kind(saved, path, picture.metadata)
    remarks = foreseen_remarks(picture.stored, picture.metadata, kind)
    size = (width, height)
    return DroppedPicture(
        path,
        name,
        size,
        picture.bits,
        look=look,
        part=part,
        remarks=remarks,
    )


def _write_shown(path: Path, picture: OwnPicture, stored: NDArray[Any]) -> None:
    """Write a picture for the browser: 8 bits, turned as it is shown, in its own colours."""
    shown = np.ascontiguousarray(as_shown(stored, picture.orientation))
    if shown.dtype != np.uint8:
        scale = np.full(shown.shape[2:], picture.white, np.float32)
        if shown.shape[2:] in {(2,), (4,)}:  # white is none of the transparency
            scale[-1] = np.iinfo(shown.dtype).max if shown.dtype.kind == "u" else 1
        shown = as_integer(shown.astype(np.float32) / scale, 8)
    given = picture.metadata
    meaning = (
        Metadata(icc=given.icc) if given.icc else meaning_of(given, converted=False)
    )
    write_uncompressed(path, shown, meaning)


def _reduced(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    shown = np.ascontiguousarray(as_shown(values, orientation))
    height, width = shown.shape
    columns = math.ceil(width / MAP_REDUCED_BY)
    rows = math.ceil(height / MAP_REDUCED_BY)
    reduced = cv2.resize(shown, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced)


def _changed_at(restoration: Restoration, orientation: int) -> tuple[float, float]:
    """The middle of the part, about as large as a screen, that changed most."""
    difference = np.abs(restoration.restored - restoration.blurry[:])
    change = difference.mean(axis=2)
    shown = np.ascontiguousarray(as_shown(change, orientation))
    height, width = (max(1, side // 64) for side in shown.shape)
    cells = cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA)
    rows, columns = SCREEN_CELLS
    near = cv2.blur(cells, (columns, rows), borderType=cv2.BORDER_REPLICATE)
    most = int(near.argmax())
    row, column = np.unravel_index(most, near.shape)
    x = (float(column) + 0.5) / width
    y = (float(row) + 0.5) / height
    return x, y
