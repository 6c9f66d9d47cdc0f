"""A report's pages of single pictures: typical ones, one table over all, a folded page for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.documents.figures.picture_scores import (
    LEADING,
    PictureScores,
    gain_on,
    spread,
)
from defocus.benchmark.leaderboard.columns import column
from defocus.benchmark.metrics.metric import NO_REFERENCE, all_metrics
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import Entry
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.errors import ImageError
from defocus.pictures import picture_name
from defocus.pictures.read import read_image
from defocus.progress import counted
from defocus.reports.display import anchor, number_text, signed_text
from defocus.reports.model import (
    Cell,
    Column,
    Folded,
    Gallery,
    Link,
    Paragraph,
    Part,
    Slider,
    Table,
    Tabs,
    Tile,
)
from defocus.reports.pictures import small_picture

CROP_PX = 96
"""Side of a crop; it is shown pixel by pixel."""

ERROR_MAP_PX = 320
"""Width of an error map."""

REFERENCE_WORDS = {"truth": "truth", "sharp": "sharp picture"}
"""Words for the references of restorations, by the names under which they are kept."""

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
        """Reference of the restorations: the truth, or the sharp picture without one."""
        # A captured sharp picture may be misaligned: against it, an output that moved looks best.
        return self.truth or self.sharp

    def slider(self, caption: str, most: int | None = None) -> list[Part]:
        """The states under one slider: blurry, the best systems, the reference."""
        states = (
            *self.blurry,
            *(one for one, _ in self.restored[:most]),
            *self.reference,
        )
        return [Slider(caption, states)] if len(states) >= 2 else []

    def crops(self, most: int | None = None) -> list[Part]:
        """The square where systems differ most: blurry picture, all systems, reference."""
        reference = self.reference or self.blurry
        if not (reference and self.restored):
            return []
        _, compared_with = reference[0]
        pictures = [picture for (_, picture), _ in self.restored]
        top, left, side = most_different(pictures, compared_with)
        tiles = [Tile(label, picture) for label, picture in self.blurry]
        for (label, picture), said in self.restored[:most]:
            tiles.append(Tile(label, picture, said))
        tiles += [Tile(label, picture) for label, picture in self.reference]
        cut = tuple(part_of(tile, top, left, side) for tile in tiles)
        place = f"{side} × {side} px at column {left}, row {top} of the kept picture."
        return [Gallery(f"{self.pair}: where the systems differ most", cut, place)]

    def errors(self) -> list[Part]:
        """The error of every system as a picture, all in one scale."""
        if not (self.reference and self.restored):
            return []
        name, target = self.reference[0]
        against = f"the {REFERENCE_WORDS[name]}"
        wanted = target.astype(np.int16)
        errors = []
        for (_, picture), _ in self.restored:
            errors.append(np.abs(picture - wanted).mean(axis=2))
        most = max(1.0, float(np.quantile(np.stack(errors), 0.995)))
        maps = []
        for ((label, _), _), error in zip(self.restored, errors, strict=True):
            mean = f"mean {error.mean():.1f} of 255"
            maps.append(Tile(label, error_map(error, most), mean))
        scale = (
            f"Mean absolute difference to {against}: dark 0, yellow {most:.0f} of 255."
        )
        caption = f"{self.pair}: error maps against {against}"
        return [Gallery(caption, tuple(maps), scale)]


class KeptPictures:
    """The small pictures that evaluations keep in the folders of their runs."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def has(self, scores: PictureScores, pair: str) -> bool:
        """Whether a restoration of this picture was kept."""
        return any(
            self._file(group[0], pair, "restored").exists() for group in scores.groups
        )

    def read(self, scores: PictureScores, pair: str) -> "ShownPicture":
        """Read the kept states of one picture; those of another size are left out."""
        unread: list[Part] = []
        blurry = tuple(self._state(scores, pair, "blurry", unread))
        sharp = tuple(self._state(scores, pair, "sharp", unread))
        truth = tuple(self._state(scores, pair, "truth", unread))
        restored = tuple(self._restored(scores, pair, unread))
        states = [*blurry, *sharp, *truth]
        states += [state for state, _ in restored]
        sizes = {picture.shape for _, picture in states}
        if len(sizes) != 1:
            blurry = restored = sharp = truth = ()
        return ShownPicture(pair, blurry, restored, sharp, truth, tuple(unread))

    def _restored(
        self,
        scores: PictureScores,
        pair: str,
        unread: list[Part],
    ) -> Iterator[tuple[Labelled, str]]:
        """The kept restorations, each with its PSNR; the input is the blurry picture."""
        for number, (group, label) in enumerate(
            zip(scores.groups, scores.names, strict=True)
        ):
            first = group[0]
            if (
                first.system == INPUT
                or not self._file(first, pair, "restored").exists()
            ):
                continue
            value = scores.psnr(pair, number)
            said = "" if value is None else f"{number_text(value, 2)} dB"
            for picture in self._read(first, pair, "restored", label, unread):
                yield picture, said

    def thumbnail(self, scores: PictureScores, pair: str) -> Picture | None:
        """The blurry picture, small; None where none was kept or it cannot be read."""
        blurry = self._state(scores, pair, "blurry", [])
        return (
            small_picture(blurry[0][1], THUMBNAIL_PX, THUMBNAIL_PX) if blurry else None
        )

    def _state(
        self,
        scores: PictureScores,
        pair: str,
        state: str,
        unread: list[Part],
    ) -> list[Labelled]:
        """A picture that is the same in every run, read from the first run that has it."""
        for first, *_ in scores.groups:
            if self._file(first, pair, state).exists():
                return self._read(first, pair, state, state, unread)
        return []

    def _read(
        self,
        entry: Entry,
        pair: str,
        state: str,
        label: str,
        unread: list[Part],
    ) -> list[Labelled]:
        """Read a picture with its label, or add the reason why it is missing to ``unread``."""
        file = self._file(entry, pair, state)
        try:
            if not file.resolve().is_relative_to(self._out.resolve()):
                raise ImageError(
                    f"{file}: a link that leaves the study; replace it by the file"
                )
            return [(label, read_image(file).astype(np.uint8))]
        except ImageError as error:
            reason = str(error).replace(str(file), str(file.relative_to(self._out)))
            unread.append(Paragraph(f"{label} is not shown: {reason}"))
            return []

    def _file(self, entry: Entry, pair: str, state: str) -> Path:
        # a store may come from anybody: a name that leads elsewhere is that of no picture here
        name = pair if Path(pair).name == pair else ""
        return (
            run_folder(self._out, entry.run)
            / "images"
            / picture_name(f"{name}.{state}")
        )


def most_different(
    pictures: Sequence[Picture],
    reference: Picture,
) -> tuple[int, int, int]:
    """The square (top, left, side, px) in which restorations differ most from each other."""
    # For a single restoration, it is the square with the largest difference to the reference.
    import cv2

    height, width = reference.shape[:2]
    side = min(CROP_PX, height, width)
    errors = []
    for picture in pictures:
        difference = picture.astype(np.float32) - reference
        errors.append(np.abs(difference).mean(axis=2))
    interest = np.stack(errors).std(axis=0) if len(errors) > 1 else errors[0]
    sums = cv2.boxFilter(interest, -1, (side, side), anchor=(0, 0))
    inside = sums[: height - side + 1, : width - side + 1]
    top, left = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return int(top), int(left), side


def part_of(tile: Tile, top: int, left: int, side: int) -> Tile:
    """A tile with a square of its picture alone, px."""
    window = tile.picture[top : top + side, left : left + side]
    return replace(tile, picture=window)


def error_map(error: NDArray[np.floating], most: float) -> Picture:
    """An error >= 0 as a picture in a palette for colour-blind readers (cividis)."""
    # ``most`` is the error of the brightest colour; the picture is at most ``ERROR_MAP_PX``
    # wide.
    import cv2

    scaled = np.clip(error * (255.0 / most), 0, 255).astype(np.uint8)
    small = small_picture(scaled, ERROR_MAP_PX)
    blue_green_red = cv2.applyColorMap(small, cv2.COLORMAP_CIVIDIS)
    return np.asarray(blue_green_red[..., ::-1], dtype=np.uint8)


GRID_PICTURES = 24
"""Most thumbnails of the grid: four rows of a wide screen. The table of pictures has all."""

THUMBNAIL_PX = 352
"""Longer side of a thumbnail: twice its size on the page, for dense screens."""

SHOWN_PICTURES = 6
"""Number of pictures whose restorations are in the report: typical ones, then those on which
systems differ most."""

PRINTED_PICTURES = 2
PRINTED_SYSTEMS = 6
"""Number of pictures, and of systems, that are printed."""

PICTURE_METRICS = ("psnr", "ssim", "lpips")
"""Metrics of the table of a single picture, as far as the study has them."""

Chosen = tuple[str, str, str]
"""Subject of a shown picture, the picture, and a caption."""


def typical_pictures(scores: PictureScores, kept: KeptPictures) -> list[Chosen]:
    """The pictures of the median, largest and smallest gain of the best system."""
    if not scores.systems:
        return []
    leader = min(scores.systems)
    shown = [pair for pair in scores.values if kept.has(scores, pair)]
    if scores.convention.protocol == NO_REFERENCE:
        first = sorted(shown)[:1]
        return [("First", pair, f"{pair}: blurry and restored") for pair in first]
    gains = {}
    for pair in shown:
        gain = gain_on(scores, pair, leader)
        if gain is not None:
            gains[pair] = gain
    return _by_gain(gains, scores.names[leader]) if gains else []


def _by_gain(gains: Mapping[str, float], system: str) -> list[Chosen]:
    """The pictures of the median, largest and smallest gain of a system, each once."""
    pairs = sorted(gains, key=lambda pair: (gains[pair], pair))
    last = len(pairs) - 1
    places = (
        ("Typical", "median", last // 2),
        ("Best", "best", last),
        ("Worst", "worst", 0),
    )
    many = counted(len(pairs), "kept picture")
    chosen: dict[str, Chosen] = {}
    for word, rank, place in places:
        pair = pairs[place]
        gain = signed_text(gains[pair], 2)
        caption = f"{pair}: {system} {gain} dB, the {rank} gain of {many}"
        chosen.setdefault(pair, (word, pair, caption))
    return list(chosen.values())


def typical_figure(scores: PictureScores, kept: KeptPictures) -> list[Part]:
    """The typical pictures under sliders, with every system to choose from."""
    tabs = []
    for word, pair, caption in typical_pictures(scores, kept):
        sliders = kept.read(scores, pair).slider(caption)
        if sliders:
            tabs.append((word, tuple(sliders)))
    return [Tabs("Picture", tuple(tabs))] if tabs else []


def picture_parts(scores: PictureScores, kept: KeptPictures) -> list[Part]:
    """A grid of thumbnails, a folded page for each restored one, the others behind one fold."""
    pairs = _most_differing_first(scores)
    if not pairs:
        return []
    typical = {pair for _, pair, _ in typical_pictures(scores, kept)}
    chosen = _typical_then_differing(scores, kept)[:SHOWN_PICTURES]
    folded: list[Part] = []
    others: list[Part] = []
    if scores.convention.protocol != NO_REFERENCE:
        others.append(_overview(scores, pairs))
    for pair in pairs:
        if pair in chosen:
            folded.append(_folded(scores, pair, kept, slider=pair not in typical))
        else:
            others.append(_scores_alone(scores, pair))
    place = anchor("pictures", *astuple(scores.board.key))
    many = counted(len(pairs), "picture")
    every = Folded("Every picture", place, tuple(others), many)
    return [*_grid(scores, pairs, kept), *folded, every]


def _most_differing_first(scores: PictureScores) -> list[str]:
    return sorted(scores.values, key=lambda pair: (-spread(scores, pair), pair))


def _typical_then_differing(scores: PictureScores, kept: KeptPictures) -> list[str]:
    """The pictures with kept restorations: typical ones, then those that differ most."""
    typical = [pair for _, pair, _ in typical_pictures(scores, kept)]
    for pair in _most_differing_first(scores):
        if kept.has(scores, pair) and pair not in typical:
            typical.append(pair)
    return typical


def _grid(
    scores: PictureScores,
    pairs: Sequence[str],
    kept: KeptPictures,
) -> list[Part]:
    """Thumbnails of blurry pictures; each leads to the page of its picture."""
    tiles = []
    for pair in pairs[:GRID_PICTURES]:
        thumbnail = kept.thumbnail(scores, pair)
        if thumbnail is not None:
            page = f"#{_place(scores, pair)}"
            tiles.append(Tile(pair, thumbnail, _difference(scores, pair), page))
    note = "First those on which the systems differ most; each leads to restorations and scores."
    return [Gallery("Test pictures", tuple(tiles), note, smooth=True)] if tiles else []


def printed_pictures(scores: PictureScores, kept: KeptPictures) -> list[Part]:
    """Crops of the best systems on a few pictures, for print."""
    parts: list[Part] = []
    for pair in _typical_then_differing(scores, kept)[:PRINTED_PICTURES]:
        parts += kept.read(scores, pair).crops(PRINTED_SYSTEMS)
    return parts


def _place(scores: PictureScores, pair: str) -> str:
    return anchor("picture", *astuple(scores.board.key), pair)


def _overview(scores: PictureScores, pairs: Sequence[str]) -> Table:
    """One line per picture: the input, and the best system there."""
    metric = all_metrics()[LEADING]
    body: list[tuple[Cell, ...]] = []
    for pair in sorted(pairs):
        values = scores.psnr_of_systems(pair)
        best = max(values, key=lambda n: (values[n], -n), default=None)
        link = Link(pair, f"#{_place(scores, pair)}")
        under = scores.psnr(pair, scores.input_line)
        system = (None, None) if best is None else (values[best], scores.names[best])
        body.append((link, scores.scenes[pair], under, *system, spread(scores, pair)))
    columns = (
        "Picture",
        "Scene",
        Column("Input", metric.unit, decimals=2),
        Column("Best", metric.unit, decimals=2),
        "Best system",
        Column("Differ by", metric.unit, decimals=2),
    )
    return Table.of(
        f"{metric.display_name} of every picture under {scores.convention.protocol}",
        columns,
        body,
        "Differ by: the standard deviation over systems.",
    )


def _folded(
    scores: PictureScores,
    pair: str,
    kept: KeptPictures,
    *,
    slider: bool,
) -> Folded:
    """The page of a picture; a slider at the top of the report is not repeated."""
    shown = kept.read(scores, pair)
    parts: list[Part] = list(shown.unread)
    if slider:
        names = ["blurry", "restored", *(label for label, _ in shown.reference)]
        parts += shown.slider(f"{pair}: {', '.join(names)}")
    else:
        parts.append(Paragraph("Its slider is at the top of this page."))
    parts += [*shown.crops(), *shown.errors(), _scores_of(scores, pair)]
    return Folded(pair, _place(scores, pair), tuple(parts), _line(scores, pair))


def _scores_alone(scores: PictureScores, pair: str) -> Folded:
    table = _scores_of(scores, pair)
    return Folded(pair, _place(scores, pair), (table,), _line(scores, pair))


def _line(scores: PictureScores, pair: str) -> str:
    scene = scores.scenes[pair]
    said = [] if scene == pair else [scene]
    if _can_differ(scores):
        spread_db = number_text(spread(scores, pair), 2)
        said.append(f"standard deviation over systems {spread_db} dB")
    return "; ".join(said)


def _difference(scores: PictureScores, pair: str) -> str:
    """How much the systems differ on a picture, below its thumbnail."""
    differ = f"systems differ by {number_text(spread(scores, pair), 2)} dB"
    return differ if _can_differ(scores) else ""


def _can_differ(scores: PictureScores) -> bool:
    return len(scores.groups) > 1 and scores.convention.protocol != NO_REFERENCE


def _scores_of(scores: PictureScores, pair: str) -> Table:
    """Table of one picture's scores: a row per system; 'table leaderboard' has every metric."""
    by_line = scores.values[pair]
    present = set(chain.from_iterable(by_line.values()))
    every = [name for name in all_metrics() if name in present]
    usual = [name for name in every if name in PICTURE_METRICS]
    metrics = usual or every
    columns: list[Column | str] = ["System"]
    columns += map(column, metrics)
    rows = []
    for line, by_metric in sorted(by_line.items()):
        values = map(by_metric.get, metrics)
        rows.append((scores.names[line], *values))
    return Table.of(f"Scores of {pair}", columns, rows, large=True)
