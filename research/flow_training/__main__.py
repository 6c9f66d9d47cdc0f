"""``python -m research.flow_training``: train PWC-Net on rendered blurry/sharp pairs."""

import os
from pathlib import Path
from typing import Any

import click

from defocus.command_line.commands import SectionedCommand, run_command
from defocus.command_line.options import with_common_options

FILE = click.Path(path_type=Path)

SECTIONS = {
    "Data": ("--pictures", "--pictures-note"),
    "Training": (
        "--steps",
        "--seed",
        "--device",
        "--settings",
        "--weights",
    ),
    "Output": ("--out",),
}


@click.command(
    "python -m research.flow_training",
    cls=SectionedCommand,
    sections=SECTIONS,
)
@click.option(
    "--pictures",
    multiple=True,
    type=FILE,
    help="Folder of sharp pictures used as textures; repeatable. The pictures of scikit-image are "
    "always used.",
)
@click.option(
    "--pictures-note",
    default="",
    help="Source and licence of the pictures, for the card.",
)
@click.option(
    "--out",
    "folder",
    type=FILE,
    required=True,
    help="Folder for the training state and the weights.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="Number of steps; overrides the settings.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of weights and pairs.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Device to train on.",
)
@click.option(
    "--settings",
    type=FILE,
    help="TOML file with all keys of research/flow_training/default.toml in the package.",
)
@click.option(
    "--weights",
    type=FILE,
    help="Start from these weights instead of random ones.",
)
def command(
    *,
    steps: int | None,
    device: str,
    settings: Path | None,
    **requested: Any,  # noqa: ANN401 - click's; fields of a request
) -> None:
    """Train the flow network PWC-Net.

    Blurry/sharp pairs with known flow are rendered during training. Run the same command again to
    continue an interrupted training. The folder --out receives checkpoint.safetensors (every
    minute), train.csv (losses), validation.csv (errors on held-out pictures) and at the end
    pwcnet-own.safetensors with CARD.md, for --flow-weights.
    """
    from research.flow_training.plan import read_settings

    plan = read_settings(settings, steps)

    # torch takes seconds to import: only once the settings are known to be good
    from research.flow_training.run import FlowRequest, chosen_device, train_flow

    request = FlowRequest(settings=plan, **requested)
    workers = max(1, (os.cpu_count() or 1) - 1)
    click.echo(train_flow(request, chosen_device(device), workers))


def main() -> None:
    """Run the command and exit."""
    run_command(with_common_options(command))


if __name__ == "__main__":
    main()
