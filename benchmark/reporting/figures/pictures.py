"""Restorations side by side: whole pictures, the crop of largest difference, error maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.reporting.figures.picture_scores import LEADING, PictureScores
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import Entry
from defocus.errors import ImageError
from defocus.images import read_image
from defocus.reports.model import Gallery, Paragraph, Part, Slider, Tile
from defocus.reports.pictures import small_picture
from defocus.reports.text import number_text

CROP_PX = 96
"""Side of a crop; it is shown pixel by pixel."""

ERROR_MAP_PX = 320
"""Width of an error map."""

REFERENCE_WORDS = {"truth": "truth", "sharp": "sharp picture"}
"""What restorations are compared with, by the name under which it is kept."""

Picture = NDArray[np.uint8]
Labelled = tuple[str, Picture]


@dataclass(frozen=True)
class ShownPicture:
    """The kept states of one picture, all of one size, with labels; the best restoration first."""

    pair: str
    blurry: tuple[Labelled, ...]
    restored: tuple[tuple[Labelled, str], ...]
    sharp: tuple[Labelled, ...]
    truth: tuple[Labelled, ...] = ()
    unread: tuple[Part, ...] = ()

    @property
    def reference(self) -> tuple[Labelled, ...]:
        """What restorations are compared with: the truth, or the sharp picture without one."""
        # A captured sharp picture may be misaligned: against it, an output that moved looks best.
        return self.truth or self.sharp

    def slider(self, caption: str, most: int | None = None) -> list[Part]:
        """The states under one slider: blurry, the best systems, the reference."""
        states = (*self.blurry, *(one for one, _ in self.restored[:most]), *self.reference)
        return [Slider(caption, states)] if len(states) >= 2 else []

    def crops(self, most: int | None = None) -> list[Part]:
        """The square where systems differ most: blurry picture, all systems, reference."""
        if not ((self.reference or self.blurry) and self.restored):
            return []
        pictures = [picture for (_, picture), _ in self.restored]
        top, left, side = most_different(pictures, (self.reference or self.blurry)[0][1])
        window = np.s_[top : top + side, left : left + side]
        tiles = [Tile(label, picture[window]) for label, picture in self.blurry]
        tiles += [Tile(la, picture[window], said) for (la, picture), said in self.restored[:most]]
        tiles += [Tile(label, picture[window]) for label, picture in self.reference]
        said = f"{side} × {side} px at column {left}, row {top} of the kept picture."
        return [Gallery(f"{self.pair}: where the systems differ most", tuple(tiles), said)]

    def errors(self) -> list[Part]:
        """The error of every system as a picture, all in one scale."""
        if not (self.reference and self.restored):
            return []
        name, target = self.reference[0]
        against = f"the {REFERENCE_WORDS[name]}"
        wanted = target.astype(np.int16)
        errors = [np.abs(p - wanted).mean(axis=2) for (_, p), _ in self.restored]
        most = max(1.0, float(np.quantile(np.stack(errors), 0.995)))
        maps = [
            Tile(label, error_map(error, most), f"mean {error.mean():.1f} of 255")
            for ((label, _), _), error in zip(self.restored, errors, strict=True)
        ]
        scale = f"Mean absolute difference to {against}: dark 0, yellow {most:.0f} of 255."
        return [Gallery(f"{self.pair}: error maps against {against}", tuple(maps), scale)]


class KeptPictures:
    """The small pictures that evaluations keep in the folders of their runs."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def has(self, scores: PictureScores, pair: str) -> bool:
        """Whether a restoration of this picture was kept."""
        return any(self._file(group[0], pair, "restored").exists() for group in scores.groups)

    def read(self, scores: PictureScores, pair: str) -> "ShownPicture":
        """Read the kept states of one picture; those of another size are left out."""
        unread: list[Part] = []
        blurry = self._state(scores, pair, "blurry", unread)
        sharp = self._state(scores, pair, "sharp", unread)
        truth = self._state(scores, pair, "truth", unread)
        restored: list[tuple[Labelled, str]] = []
        for number, (group, label) in enumerate(zip(scores.groups, scores.names, strict=True)):
            first = group[0]  # the input is the blurry picture
            if first.system != "input" and self._file(first, pair, "restored").exists():
                value = scores.values[pair].get(number, {}).get(LEADING)
                said = f"{number_text(value, 2)} dB" if value is not None else ""
                found = self._read(first, pair, "restored", label, unread)
                restored += [(each, said) for each in found]
        states = (*blurry, *sharp, *truth, *(one for one, _ in restored))
        shapes = {picture.shape for _, picture in states}
        alike = len(shapes) == 1
        return ShownPicture(
            pair,
            tuple(blurry if alike else ()),
            tuple(restored if alike else ()),
            tuple(sharp if alike else ()),
            tuple(truth if alike else ()),
            tuple(unread),
        )

    def _state(
        self, scores: PictureScores, pair: str, state: str, unread: list[Part]
    ) -> list[Labelled]:
        """A picture that is the same in every run, read from the first run that has it."""
        entries = (group[0] for group in scores.groups)
        found = [entry for entry in entries if self._file(entry, pair, state).exists()]
        return self._read(found[0], pair, state, state, unread) if found else []

    def _read(
        self, entry: Entry, pair: str, state: str, label: str, unread: list[Part]
    ) -> list[Labelled]:
        """Read a picture with its label, or add the reason why it is missing to ``unread``."""
        file = self._file(entry, pair, state)
        try:
            if not file.resolve().is_relative_to(self._out.resolve()):
                raise ImageError(f"{file}: a link that leaves the study; replace it by the file")
            return [(label, read_image(file).astype(np.uint8))]
        except ImageError as error:
            reason = str(error).replace(str(file), str(file.relative_to(self._out)))
            unread.append(Paragraph(f"{label} is not shown: {reason}"))
            return []

    def _file(self, entry: Entry, pair: str, state: str) -> Path:
        # a store may come from anybody: a name that leads elsewhere is that of no picture here
        name = pair if Path(pair).name == pair else ""
        return run_folder(self._out, entry.run) / "images" / f"{name}.{state}.png"


def most_different(pictures: Sequence[Picture], reference: Picture) -> tuple[int, int, int]:
    """The square (top, left, side, px) in which restorations differ most from each other."""
    # For a single restoration, it is the square with the largest difference to the reference.
    import cv2

    height, width = reference.shape[:2]
    side = min(CROP_PX, height, width)
    errors = np.stack([np.abs(p.astype(np.float32) - reference).mean(axis=2) for p in pictures])
    interest = errors.std(axis=0) if len(pictures) > 1 else errors[0]
    sums = cv2.boxFilter(interest, -1, (side, side), anchor=(0, 0))
    sums = sums[: height - side + 1, : width - side + 1]
    top, left = np.unravel_index(int(np.argmax(sums)), sums.shape)
    return int(top), int(left), side


def error_map(error: NDArray[np.floating], most: float) -> Picture:
    """An error >= 0 as a picture in a palette for colour-blind readers (cividis)."""
    # ``most`` is the error of the brightest colour; the picture is at most ``ERROR_MAP_PX``
    # wide.
    import cv2

    scaled = np.clip(error * (255.0 / most), 0, 255).astype(np.uint8)
    coloured = cv2.applyColorMap(small_picture(scaled, ERROR_MAP_PX), cv2.COLORMAP_CIVIDIS)
    return np.asarray(coloured[..., ::-1], dtype=np.uint8)
