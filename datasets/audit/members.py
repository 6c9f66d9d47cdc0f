"""What the headers of a pair's files say of colours, orientation and frames, where it matters."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Literal

from PIL import Image as PillowImage

from defocus.colour_profiles import colour_code, colours_of, in_two_spaces
from defocus.datasets.audit.pair_audit import AuditedPair, Members, reduced_members
from defocus.datasets.pair import Pair
from defocus.datasets.picture_size import NO_PICTURE
from defocus.images import read_pair
from defocus.picture_headers import MAX_PIXELS, SUFFIXES
from defocus.raw import RAW_SUFFIXES

SHOWN = 6


@dataclass
class WorstMembers:
    """Members of the pairs with the largest misalignment so far, by id; at most :data:`SHOWN`."""

    members: dict[str, Members] = field(default_factory=dict)
    _rows: tuple[AuditedPair, ...] = ()

    def offer(self, row: AuditedPair, members: Members) -> None:
        """Keep the members of a pair if it is one of the worst."""
        if row.misalignment_px is None:
            return
        self.members[row.id] = members
        rows = sorted((*self._rows, row), key=lambda one: -(one.misalignment_px or 0.0))
        self._rows = tuple(rows[:SHOWN])
        kept = {one.id for one in self._rows}
        self.members = {name: both for name, both in self.members.items() if name in kept}


def shown_members(pair: Pair, worst: WorstMembers) -> Members:
    """The members of a pair to be shown: those that are kept, or read from its files."""
    if pair.id in worst.members:
        return worst.members[pair.id]
    return reduced_members(*read_pair(pair.blurry, pair.sharp or pair.blurry))


What = Literal[
    "colour space",
    "orientation",
    "frames",
    "same picture",
    "sharpness",
    "largest shift",
    "unexplained",
    "clipped",
]
ORIENTATION = 274
PLAIN = "sRGB or nothing"
GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"}
_MODES = {"CMYK": "CMYK", "LAB": "Lab", "YCbCr": PLAIN, "HSV": "HSV"}


@dataclass(frozen=True)
class Warned:
    """A warning on one pair: what is odd about its members."""

    id: str
    what: What
    text: str

    @property
    def finding(self) -> tuple[str, str]:
        """Name and text, for :func:`defocus.progress.grouped`."""
        return self.id, f"{self.what}: {self.text}"


@dataclass(frozen=True)
class _Header:
    colours: str
    grey: bool
    orientation: int
    frames: int


def warnings_of(pairs: Iterable[Pair]) -> tuple[Warned, ...]:
    """Warnings on pairs by their files' headers; RAW files and unreadable ones have none."""
    # Pictures are read as they are stored: no orientation, the first frame, a profile only if the
    # two members mean different colours. That is right where both files say the same.
    return tuple(warning for pair in pairs for warning in _warnings(pair))


def _warnings(pair: Pair) -> list[Warned]:
    blurry = _header(pair.blurry)
    sharp = blurry if pair.sharp is None else _header(pair.sharp)
    if blurry is None or sharp is None:
        return []
    warnings: list[tuple[What, str]] = []
    if blurry.colours != sharp.colours:
        text = f"the blurry file says {blurry.colours}, the sharp one {sharp.colours}"
        files = pair.blurry, pair.sharp or pair.blurry
        if in_two_spaces(*files):
            coded = any(map(colour_code, files))
            text += "; convert both to sRGB" if coded else "; both are converted to sRGB"
        warnings.append(("colour space", text))
    elif blurry.grey != sharp.grey:
        grey, other = ("blurry", "sharp") if blurry.grey else ("sharp", "blurry")
        warnings.append(("colour space", f"the {grey} file is grey, the {other} one has colours"))
    elif blurry.colours != PLAIN:
        taken = "not converted but read as sRGB" if colour_code(pair.blurry) else "taken for sRGB"
        warnings.append(("colour space", f"{blurry.colours}, {taken}"))
    if blurry.orientation != sharp.orientation:
        both = f"{blurry.orientation} and {sharp.orientation}"
        warnings.append(("orientation", f"EXIF says {both} for blurry and sharp; both are ignored"))
    frames = max(blurry.frames, sharp.frames)
    if frames > 1:
        warnings.append(("frames", f"a file has {frames} frames; the first one is taken"))
    return [Warned(pair.id, what, text) for what, text in warnings]


def _header(path: Path) -> _Header | None:
    if path.suffix.lower() in RAW_SUFFIXES:
        return None
    try:
        if path.suffix.lower() in SUFFIXES["TIFF"]:
            return _of_tiff(path)
        with PillowImage.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            mode = _MODES.get(picture.mode, PLAIN)
            silent = picture.format == "PNG" and not _has_text(path)
            orientation = 1 if silent else picture.getexif().get(ORIENTATION, 1)
            # what MPO has beside the picture is a preview or a second view
            frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
            grey = picture.mode in GREY_MODES
            return _Header(_colours(path, mode), grey, orientation, frames)
    except NO_PICTURE:
        return None


def _has_text(path: Path) -> bool:
    """Whether a PNG has EXIF or text; Pillow decodes all pixels to look behind them."""
    # mapped: a large picture has ten thousand chunks
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        place = 8
        while len(start := content[place : place + 8]) == 8:
            if start[4:] in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
                return True
            place += 12 + int.from_bytes(start[:4], "big")
    return False


def _of_tiff(path: Path) -> _Header:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        photometric = getattr(page.photometric, "name", "")
        mode = {"SEPARATED": "CMYK", "CIELAB": "Lab"}.get(photometric, PLAIN)
        grey = photometric in {"MINISBLACK", "MINISWHITE"}
        tag = page.tags.get(ORIENTATION)
        orientation = 1 if tag is None else int(tag.value)
        return _Header(_colours(path, mode), grey, orientation, len(file.pages))


def _colours(path: Path, mode: str) -> str:
    """The colour space that a file declares."""
    return mode if mode != PLAIN else colours_of(path) or PLAIN
