"""``defocus-capture chart lens``."""

from pathlib import Path

import click

from defocus.command_line.options import FILE
from defocus.extras.charts.picture_options import chart_picture_options


@click.command(name="lens")
@chart_picture_options
@click.option(
    "--out",
    required=True,
    type=FILE,
    help="Lens file to write, JSON; a page of the same name, .html, is written next to it.",
)
def command(
    pictures: tuple[Path, ...],
    out: Path,
    f_numbers: tuple[float, ...],
    open_f_number: float | None,
    sensor_width: float | None,
    *,
    linear: bool,
) -> None:
    """Measure a lens with pictures of the chart.

    Fill the frame with the chart of 'chart print' and take it at three or more settings of focus,
    by hand: first one nearer than the chart, then one on it, then one farther, blurred by
    4 to 15 px, or to 10 px where the pictures are less than 1,300 px wide. Give the pictures in
    this order; repeat it at other f-numbers.

    The point spread function is fitted for every circle of confusion and every place of the
    picture: aberrations, colours and the shape of the aperture. The noise is measured too. The
    command takes some minutes.
    """
    from defocus.extras.charts.lens.files import measure_lens, read_chart_pictures
    from defocus.extras.charts.lens.page import lens_lines, write_lens_page
    from defocus.scene.lens_file import write_lens
    from defocus.storage.files import require_writable

    page = out.with_suffix(".html")
    if page == out:
        raise click.UsageError(
            f"--out {out}: the lens file is JSON; name it {out.stem}.json"
        )
    require_writable(out.parent)
    shots = read_chart_pictures(pictures, f_numbers, linear=linear)
    fit, kept = measure_lens(pictures, shots, sensor_width, open_f_number)
    write_lens(out, kept)
    write_lens_page(page, fit, kept, shots)
    for line in lens_lines(fit, shots):
        click.echo(line)
    click.echo(f"{page}: point spread functions")
    click.echo(f"{out}: train on what this lens shows with --dataset stream:{out}")
