"""defocus-data render."""

from pathlib import Path

import click

from defocus.progress import counted

__all__ = ["command"]


@click.command()
@click.argument("request", metavar="REQUEST", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the new dataset: absent, empty, or a half-done rendering of the same request.",
)
def command(request: Path, out: Path) -> None:
    """Render a dataset of pictures with known depth through a thin lens.

    REQUEST is a TOML file: size, lens, aperture, dual_pixel, sensor, misalignment, and scenes, each
    a picture with its depth or pictures on planes and polygons. Every pair comes with its aligned
    truth, true flow, true defocus map and, where asked for, dual-pixel views. Scenes that share a
    source picture are in one split. An interrupted rendering goes on when the same command is given
    again.
    """
    from defocus.datasets.rendering.run import render_dataset

    pairs = render_dataset(request, out)
    counts = ", ".join(
        f"{sum(pair.split == split for pair in pairs)} {split}"
        for split in ("train", "validation", "test")
    )
    click.echo(f"{out}: {counted(len(pairs), 'pair')} ({counts})")
    click.echo(f"use it with --dataset manifest:{out}")
