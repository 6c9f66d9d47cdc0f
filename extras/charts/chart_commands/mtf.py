"""``defocus-capture chart mtf``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import FILE
from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:
    from defocus.edges.edge import EdgeResponse
    from defocus.edges.straightness import Straightness
    from defocus.extras.charts.chart_commands._settings import MtfSettings


@click.command(name="mtf", cls=SettingsCommand)
@click.argument("picture", type=FILE)
def command(picture: Path, settings: "MtfSettings") -> None:
    """Measure the sharpness of an edge (MTF).

    PICTURE is a photograph, developed or RAW. The edge is straight, 3 to 12 degrees off the rows or
    columns. The region holds the edge, its blur, and plain areas on both sides; it should be 100 px
    or more along the edge.

    MTF50 is the spatial frequency at which contrast falls to half, in cycles per pixel: 0.7 over
    the diameter of the circle of confusion. The method is that of ISO 12233.
    """
    from defocus.edges.edge import measure_edge
    from defocus.edges.linear_light import Region, grey_of, linear_light
    from defocus.errors import ImageError
    from defocus.extras.charts.measures.edge_summary import edge_json, straightness_json
    from defocus.extras.charts.straightness import measure_straightness
    from defocus.pictures.raw import is_raw
    from defocus.pictures.read import read_image

    with json_output() as printed:
        is_linear = settings.linear or is_raw(picture)
        part = None
        if settings.region is not None:
            part = Region.parse(settings.region)
        light = linear_light(read_image(picture), part, linear=settings.linear)
        try:
            response = measure_edge(light)
            straightness = measure_straightness(grey_of(light))
        except ImageError as error:
            raise ImageError(f"{picture}: {error}") from error
        if settings.as_json:
            bent = straightness_json(straightness)
            tone = "linear" if is_linear else "srgb"
            printed.write({**edge_json(response), "tone": tone, "straightness": bent})
            return
    _say(response, straightness, is_linear)


def _say(
    response: "EdgeResponse",
    straightness: "Straightness | None",
    is_linear: bool,
) -> None:
    """Print what was measured."""
    from defocus.extras.charts.measures.edge_summary import (
        edge_lines,
        straightness_line,
    )

    for line in edge_lines(response):
        click.echo(line)
    click.echo(straightness_line(straightness))
    if not is_linear:
        click.echo(
            "tone curve   sRGB, not checked: most JPEG files have another; 'chart read' fits it"
        )
