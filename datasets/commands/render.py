"""defocus-data render."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import USE_IT, counts_line, print_made
from defocus.processes.isolation import say_left_out
from defocus.reading import Json

if TYPE_CHECKING:  # it imports pydantic
    from defocus.datasets.commands._settings import RenderSettings


@help_heading("Open")
@click.command(cls=SettingsCommand)
@click.argument("request", metavar="REQUEST", type=click.Path(path_type=Path))
def command(request: Path, settings: "RenderSettings") -> int:
    """Render a dataset with known ground truth.

    Pictures with known depth are rendered through a thin lens, or through a measured lens if [lens]
    has file = "lens.json", which 'defocus-capture chart lens' writes. REQUEST is a TOML file with
    size, lens, aperture, dual_pixel, sensor, misalignment and scenes; a scene is a picture with its
    depth, or pictures on planes and polygons. Every pair comes with an aligned ground truth, the
    true flow, the true defocus map and, on request, dual-pixel views. Scenes that share a source
    picture go to the same split. Run the same command again to continue an interrupted rendering.
    The exit code is 1 if a scene is left out because it cannot be rendered.
    """
    return print_made(
        lambda: _rendered(request, settings),
        lambda result: (counts_line(result), USE_IT.format(result["root"])),
        as_json=settings.as_json,
    )


def _rendered(request: Path, settings: "RenderSettings") -> Json:
    from defocus.datasets.pair import split_counts
    from defocus.datasets.rendering.run import render_dataset

    pairs, left_out = render_dataset(request, settings.out, settings.where)
    say_left_out(left_out, len(pairs) + len(left_out), "scene")
    counts = split_counts(pairs)
    return {
        "root": str(settings.out),
        "counts": counts,
        "left_out": documents_of(left_out),
    }
