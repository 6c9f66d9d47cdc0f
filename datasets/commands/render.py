"""defocus-data render."""

from pathlib import Path
from typing import Any

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import jobs_option
from defocus.command_line.verbs import help_heading
from defocus.isolation import say_left_out
from defocus.progress import counted

__all__ = ["command"]


@help_heading("Open")
@click.command()
@click.argument("request", metavar="REQUEST", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the new dataset: new, empty, or an unfinished rendering of the same request.",
)
@jobs_option("Number of scenes rendered at once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(request: Path, out: Path, jobs: int, *, as_json: bool) -> int:
    """Render a dataset with known ground truth.

    Pictures with known depth are rendered through a thin lens, or through a measured one: [lens]
    has file = "lens.json" then, of 'defocus-capture chart lens'. REQUEST is a TOML file with
    size, lens, aperture, dual_pixel, sensor, misalignment and scenes; a scene is a picture with its
    depth, or pictures on planes and polygons. Every pair comes with an aligned ground truth, the
    true flow, the true defocus map and, on request, dual-pixel views. Scenes that share a source
    picture go to the same split. Run the same command again to continue an interrupted rendering.
    The exit code is 1 if a scene is left out because it cannot be rendered.
    """
    if as_json:
        with json_output() as output:
            done = _rendered(request, out, jobs)
            output.write(done)
    else:
        done = _rendered(request, out, jobs)
        counts = ", ".join(f"{number} {split}" for split, number in done["counts"].items())
        click.echo(f"{out}: {counted(sum(done['counts'].values()), 'pair')} ({counts})")
        click.echo(f"use it with --dataset manifest:{out}")
    return int(bool(done["left_out"]))


def _rendered(request: Path, out: Path, jobs: int) -> dict[str, Any]:
    from defocus.datasets.pair import split_counts
    from defocus.datasets.rendering.run import render_dataset

    pairs, left_out = render_dataset(request, out, jobs)
    say_left_out(left_out, len(pairs) + len(left_out), "scene")
    counts = split_counts(pairs)
    return {
        "root": str(out),
        "counts": counts,
        "left_out": [one.to_json() for one in left_out],
    }
