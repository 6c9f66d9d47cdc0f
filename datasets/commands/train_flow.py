"""``defocus-data train-flow``: train PWC-Net on rendered blurry/sharp pairs."""

import os
from pathlib import Path

import click

__all__ = ["command"]

FILE = click.Path(path_type=Path)


@click.command("train-flow")
@click.option(
    "--pictures",
    multiple=True,
    type=FILE,
    help="Folder of sharp pictures to take textures from; may be given again. The pictures that "
    "scikit-image carries are always used.",
)
@click.option(
    "--pictures-note",
    default="",
    help="Where the pictures come from and under what licence; stands in the card.",
)
@click.option("--out", "folder", type=FILE, required=True, help="Folder for state and weights.")
@click.option("--steps", type=click.IntRange(min=1), help="Instead of the settings' number.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option(
    "--settings",
    type=FILE,
    help="TOML file with all keys of the package's align/flow/training/default.toml.",
)
@click.option("--weights", type=FILE, help="Start from these weights instead of random ones.")
def command(
    *,
    pictures: tuple[Path, ...],
    pictures_note: str,
    folder: Path,
    steps: int | None,
    seed: int,
    device: str,
    settings: Path | None,
    weights: Path | None,
) -> None:
    """Train PWC-Net on blurry/sharp pairs that are rendered on the fly with known flow.

    The same command again goes on where a killed one was. --out gets state.safetensors (every two
    minutes), validation.csv (errors on pictures that are not trained on), and at the end
    pwcnet-own.safetensors with CARD.md, for --flow-weights.
    """
    from defocus.align.flow.training.plan import read_settings

    plan = read_settings(settings, steps)

    # torch takes seconds to import: only once the settings are known to be good
    from defocus.align.flow.training.run import Request, chosen_device, train_flow

    request = Request(pictures, pictures_note, plan, seed, weights, folder)
    workers = max(1, (os.cpu_count() or 1) - 1)
    click.echo(train_flow(request, chosen_device(device), workers))
