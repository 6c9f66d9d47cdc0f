"""defocus-data render."""

from pathlib import Path
from typing import Any

import click

from defocus.command_line.jobs_option import jobs_option
from defocus.command_line.json_output import json_output
from defocus.command_line.verbs import help_heading
from defocus.isolation import LeftOut, say_left_out
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
@click.option(
    "--photographs",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Sharp photographs for a request of doses, instead of the folder that it names.",
)
@jobs_option("Number of scenes rendered at once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(request: Path, out: Path, photographs: Path | None, jobs: int, *, as_json: bool) -> int:
    """Render a dataset with known ground truth.

    Pictures with known depth are rendered through a thin lens, or through a measured one: [lens]
    has file = "lens.json" then, which 'defocus-capture lens' writes. REQUEST is a TOML file with
    size, lens, aperture, dual_pixel, sensor, misalignment and scenes; a scene is a picture with its
    depth, or pictures on planes and polygons. Every pair comes with an aligned ground truth, the
    true flow, the true defocus map and, on request, dual-pixel views. Scenes that share a source
    picture go to the same split. Run the same command again to continue an interrupted rendering.
    The exit code is 1 if a scene is left out because it cannot be rendered.

    A request with doses_px asks for the training stream's scenes instead, each with a sharp picture
    per dose of misalignment.
    """
    if as_json:
        with json_output() as output:
            done = _rendered(request, out, photographs, jobs)
            output.write(done)
    else:
        done = _rendered(request, out, photographs, jobs)
        counts = ", ".join(f"{number} {split}" for split, number in done["counts"].items())
        click.echo(f"{out}: {counted(sum(done['counts'].values()), 'pair')} ({counts})")
        click.echo(f"use it with --dataset manifest:{out}")
    return int(bool(done["left_out"]))


def _rendered(request: Path, out: Path, photographs: Path | None, jobs: int) -> dict[str, Any]:
    from defocus.datasets.doses.request import asks_for_doses
    from defocus.datasets.doses.run import render_dosed_dataset
    from defocus.datasets.rendering.run import render_dataset

    left_out: tuple[LeftOut, ...] = ()
    if asks_for_doses(request):
        pairs = render_dosed_dataset(request, out, photographs, jobs)
    elif photographs is not None:
        raise click.UsageError("--photographs is for a request of doses; name pictures in REQUEST")
    else:
        pairs, left_out = render_dataset(request, out, jobs)
    say_left_out(left_out, len(pairs) + len(left_out), "scene")
    counts = {
        split: sum(pair.split == split for pair in pairs)
        for split in ("train", "validation", "test")
    }
    return {
        "root": str(out),
        "counts": counts,
        "left_out": [one.to_json() for one in left_out],
    }
