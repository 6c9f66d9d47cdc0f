"""Photographs of the chart that systems restore: simulated ones, and files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import starmap
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError, InputError
from defocus.extras.charts.reading.edges import ReadEdge, read_edges
from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.reading.levels import paper_and_ink
from defocus.extras.charts.reading.lines import read_lines
from defocus.extras.charts.reading.read import DISC_MTF50, ChartReading, read_chart
from defocus.extras.charts.reading.stored_light import stored_light
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, Sheet, make_sheet
from defocus.extras.charts.sheet.raster import INK_LIGHT, PAPER_LIGHT, photographed
from defocus.extras.charts.systems.kept import ChartScore
from defocus.extras.charts.systems.restorers import Restore
from defocus.extras.charts.systems.scores import (
    WHOLE,
    ChartField,
    ChartView,
    field_medians,
    restored_score,
)
from defocus.extras.charts.tone_curve import ToneCurve
from defocus.pictures.values import as_float, linear_to_srgb, srgb_to_linear
from defocus.scene.aperture import disc_psf
from defocus.storage.files import sha256_file

Floats = NDArray[np.float64]
Stored = NDArray[np.float32]

PX_PER_MM = 2.0
NOISE = 0.002


@dataclass(frozen=True)
class ChartCase:
    """A photograph to restore; its identity is the same only for the same photograph."""

    name: str
    identity: str
    scores: Callable[[str, Restore], Sequence[ChartScore]]


def simulated_cases(diameters: Iterable[float]) -> list[ChartCase]:
    """Simulated photographs at circles of confusion in px."""
    cases = []
    for one in diameters:
        scores = partial(_simulated_scores, one)
        cases.append(ChartCase(f"{one:g} px", f"simulated at {one!r}", scores))
    return cases


def _simulated_scores(
    diameter: float,
    system: str,
    restore: Restore,
) -> list[ChartScore]:
    return [_photographs().scores(system, restore, diameter)]


def _taken_scores(
    path: Path,
    linear: bool,
    system: str,
    restore: Restore,
) -> list[ChartScore]:
    return _taken(path, linear).scores(system, restore)


def taken_cases(pictures: Sequence[Path], *, linear: bool = False) -> list[ChartCase]:
    """Photographs from files, distinguished by their names."""
    names = [one.name for one in pictures]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise InputError(f"{twice}: two pictures have this name; rename one")
    cases = []
    for one in pictures:
        chart = _taken(one, linear)
        identity = f"{sha256_file(one)} {linear}" + (" fitted" if chart.curve else "")
        cases.append(ChartCase(one.name, identity, partial(_taken_scores, one, linear)))
    return cases


class ChartPhotographs:
    """A chart that fills the picture, through a lens whose PSF is a disc."""

    def __init__(self) -> None:
        """Draw the chart, once for all in this process."""
        self.sheet, self.geometry, self.sharp = _drawn()
        levels = PAPER_LIGHT, INK_LIGHT
        self._lines = tuple(read_lines(self.sharp, self.sheet, self.geometry, *levels))
        self._edges: dict[float, tuple[ReadEdge, ...]] = {}

    def blurred(self, diameter_px: float) -> Stored:
        """The photograph at a circle of confusion, sRGB floats with a little noise."""
        noise = NOISE * np.random.default_rng(0).standard_normal(self.sharp.shape)
        light = cv2.filter2D(self.sharp, -1, disc_psf(diameter_px)) + noise
        return np.asarray(linear_to_srgb(np.clip(light, 0.0, 1.0)), np.float32)

    def scores(self, system: str, restore: Restore, diameter_px: float) -> ChartScore:
        """Restore the photograph and measure it against the sharp one."""
        blurry = self.blurred(diameter_px)
        if diameter_px not in self._edges:  # the same for every system
            of_blurry = read_edges(_light(blurry), self.sheet, self.geometry)
            self._edges[diameter_px] = tuple(of_blurry)
        edges = self._edges[diameter_px]
        place = self.sheet, self.geometry, WHOLE
        view = ChartView("", *place, diameter_px, edges, self._lines)
        levels = (PAPER_LIGHT, INK_LIGHT)
        return restored_score(system, view, _light(restore(blurry)), self.sharp, levels)


@dataclass(frozen=True)
class PictureLight:
    """Linear light of stored floats, computed only where it is asked for."""

    picture: Stored
    curve: ToneCurve | None

    def __getitem__(self, places: tuple[slice, slice]) -> Floats:
        return _light(self.picture[places], self.curve)


class TakenChart:
    """A photograph of the chart in a file."""

    def __init__(self, path: Path, *, linear: bool = False) -> None:
        self._light = stored_light(path, linear=linear)
        reading = read_chart(self._light)
        if reading is None:
            raise ImageError(
                f"{path}: no chart found; fill the frame with it, in even light"
            )
        self.curve = reading.tone.fitted
        self.views = _views(path.name, reading)
        if not self.views:
            raise ImageError(
                f"{path}: no edge of its chart can be measured; see 'chart read'"
            )

    def picture(self) -> Stored:
        """The sRGB values of the photograph."""
        if self._light.linear:
            return np.asarray(linear_to_srgb(self._light[:]), np.float32)
        return np.asarray(as_float(self._light.stored), np.float32)

    def scores(self, system: str, restore: Restore) -> list[ChartScore]:
        """Restore it and measure it against itself and what was printed."""
        blurry = self.picture()
        restoration = _light(restore(blurry), self.curve)
        first = self.views[0]
        other = PictureLight(blurry, self.curve)
        levels = paper_and_ink(restoration, first.sheet, first.geometry)
        return [
            restored_score(system, view, restoration, other, levels)
            for view in self.views
        ]


def _views(name: str, reading: ChartReading) -> list[ChartView]:
    """The fields in which edges are measured: the columns of a board, or the whole flat chart."""
    fields = [WHOLE]
    if reading.sheet.layout == "depths":
        fields = list(starmap(ChartField, reading.sheet.columns))
    lines = tuple(one for one in reading.straight if one.kind != "frame")
    views = []
    for field in fields:
        medians = field_medians(reading.edges, field)
        if medians is not None:
            mtf50, _ = medians
            place = name, reading.sheet, reading.geometry, field
            seen = reading.edges, lines, reading.leaves
            views.append(ChartView(*place, DISC_MTF50 / mtf50, *seen))
    return views


def _light(picture: Stored, curve: ToneCurve | None = None) -> Floats:
    """Light of values by a measured curve, or by that of sRGB."""
    stored = np.clip(picture, 0.0, 1.0)
    if curve is not None:
        return curve(stored.astype(np.float64))
    return np.asarray(srgb_to_linear(stored), np.float64)


@cache
def _photographs() -> ChartPhotographs:
    return ChartPhotographs()


@cache
def _taken(path: Path, linear: bool) -> TakenChart:
    """A photograph, which every process reads once."""
    return TakenChart(path, linear=linear)


@cache
def _drawn() -> tuple[Sheet, ChartGeometry, Floats]:
    """The chart, where it is in the picture, and the sharp picture, which nobody may write to."""
    sheet = make_sheet()
    size = round(WIDTH * PX_PER_MM), round(HEIGHT * PX_PER_MM)
    homography = np.diag([PX_PER_MM, PX_PER_MM, 1.0])
    sharp = photographed(sheet, homography, *size)
    sharp.flags.writeable = False
    return sheet, ChartGeometry(homography, 0.0, *size), sharp
