"""The sub-command ``lens``."""

from pathlib import Path

import click

from defocus.command_line.commands import FiniteRange

__all__ = ["command"]

POSITIVE = FiniteRange(0, min_open=True)


@click.command(name="lens")
@click.argument(
    "pictures", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Lens file to write, JSON.",
)
@click.option(
    "--f-number",
    "f_numbers",
    multiple=True,
    type=POSITIVE,
    metavar="N",
    help="F-number of all pictures, or once for each; by default that in their EXIF data.",
)
@click.option(
    "--open-f-number",
    type=POSITIVE,
    metavar="N",
    help="F-number of the fully open lens; by default the smallest of the pictures.",
)
@click.option(
    "--sensor-width",
    type=POSITIVE,
    default=36.0,
    show_default=True,
    metavar="MM",
    help="Width of the sensor.",
)
@click.option(
    "--linear", is_flag=True, help="Values are proportional to light, as from 'develop --linear'."
)
def command(
    pictures: tuple[Path, ...],
    out: Path,
    f_numbers: tuple[float, ...],
    open_f_number: float | None,
    sensor_width: float,
    *,
    linear: bool,
) -> None:
    """Measure a lens with pictures of the chart.

    Fill the frame with the chart of 'defocus-capture chart' and take it at three or more settings
    of focus, by hand: first one nearer than the chart, then one on it, then one farther, blurred by
    4 to 15 px. Give the pictures in this order; repeat it at other f-numbers.

    The point spread function is fitted for every circle of confusion and every place of the
    picture: aberrations, colours and the shape of the aperture. Takes some minutes.
    """
    from defocus.charts.lens.fit import fit_lens
    from defocus.charts.lens.photographs import chart_shots
    from defocus.charts.lens.summary import measured, summary_lines
    from defocus.errors import InputError
    from defocus.files import require_writable
    from defocus.optics.lens.file import write_lens

    if len(f_numbers) not in {0, 1, len(pictures)}:
        raise InputError(
            f"--f-number: {len(f_numbers)} for {len(pictures)} pictures; give 1 or all"
        )
    require_writable(out.parent)
    given = f_numbers * len(pictures) if len(f_numbers) == 1 else f_numbers
    shots = chart_shots(pictures, given or _noted(pictures), linear=linear)
    pitch_um = 1000.0 * sensor_width / shots[0].light.shape[1]
    found = fit_lens(shots, pitch_um, open_f_number)
    write_lens(out, measured(found))
    for line in summary_lines(found):
        click.echo(line)


def _noted(pictures: tuple[Path, ...]) -> list[float]:
    """F-numbers of the pictures' EXIF data."""
    from defocus.capture.exif import read_exif
    from defocus.errors import InputError

    found = []
    for picture in pictures:
        number = read_exif(picture).f_number
        if number is None:
            raise InputError(f"{picture}: its f-number is not noted in it; give --f-number")
        found.append(number)
    return found
