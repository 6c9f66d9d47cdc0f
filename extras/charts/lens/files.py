"""A lens from files: photographs of the chart with their f-numbers."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from defocus.errors import InputError
from defocus.extras.charts.lens.fit import fit_lens
from defocus.extras.charts.lens.noise import measure_noise
from defocus.extras.charts.lens.photographs import chart_shots
from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.lens.summary import FittedLens, measured
from defocus.pictures.headers import SUFFIXES
from defocus.pictures.heif import HEIF_KINDS
from defocus.pictures.metadata import read_exif
from defocus.pictures.read import read_image
from defocus.progress import say
from defocus.scene.lens_file import MeasuredLens, Recording

FULL_FRAME_MM = 36.0
_KINDS = ("JPEG", "WebP", *HEIF_KINDS)

COMPRESSED = tuple(chain.from_iterable(SUFFIXES[kind] for kind in _KINDS))


def read_chart_pictures(
    pictures: Sequence[Path],
    f_numbers: Sequence[float],
    *,
    linear: bool = False,
) -> list[ChartShot]:
    """Read photographs of the chart; without ``f_numbers`` those of their EXIF data count."""
    if len(f_numbers) not in {0, 1, len(pictures)}:
        raise InputError(
            f"--f-number: {len(f_numbers)} for {len(pictures)} pictures; give 1 or all"
        )
    given = list(f_numbers) * (len(pictures) if len(f_numbers) == 1 else 1)
    return chart_shots(pictures, given or list(map(_noted, pictures)), linear=linear)


def _noted(picture: Path) -> float:
    """F-number of the picture's EXIF data."""
    number = read_exif(picture).f_number
    if number is None:
        # a file that is not a picture has no f-number either: report that first
        read_image(picture)
        raise InputError(f"{picture}: its f-number is not noted in it; give --f-number")
    return number


def measure_lens(
    pictures: Sequence[Path],
    shots: Sequence[ChartShot],
    sensor_width_mm: float | None,
    open_f_number: float | None,
) -> tuple[FittedLens, MeasuredLens]:
    """Fit a lens to photographs of the chart; return the fit, and what a lens file keeps of it."""
    pitch_um = 1000.0 * (sensor_width_mm or FULL_FRAME_MM) / shots[0].light.shape[1]
    if sensor_width_mm is None:
        say(
            f"assumed full frame: pixels of {pitch_um:.3g} µm; else give --sensor-width"
        )
    fit = fit_lens(shots, pitch_um, open_f_number)
    compressed = any(one.suffix.lower() in COMPRESSED for one in pictures)
    return fit, measured(fit, Recording(*measure_noise(shots), compressed))
