"""``defocus-bench fetch-weights``."""

import click

from defocus.command_line.verbs import help_heading

__all__ = ["command"]

BACKBONE_OF = {"lpips": "alex", "lpips_vgg": "vgg", "lpips_squeeze": "squeeze", "dists": "vgg"}


@help_heading("Systems")
@click.command()
@click.argument("metric", type=click.Choice(sorted(BACKBONE_OF)))
@click.option(
    "--from",
    "source",
    metavar="FILE_OR_URL",
    help="Use this file or address instead of the official server.",
)
def command(metric: str, source: str | None) -> None:
    """Download the backbone weights of METRIC.

    LPIPS needs a torchvision network that no package contains: AlexNet (244 MB), or optionally
    VGG-16 (528 MB), which DISTS needs too, or SqueezeNet (5 MB). The file's hash is checked, and
    the file is stored where torch looks for it. On a computer without internet, copy the file from
    another computer and pass it with --from.
    """
    from defocus.benchmark.metric.backbone_files import BACKBONES, fetch, is_intact, location
    from defocus.progress import say

    file = BACKBONES[BACKBONE_OF[metric]]
    if is_intact(file) and source is None:
        say(f"{metric}: {location(file)} is in place and intact")
        return
    say(f"{metric}: fetching {source or file.url}")
    say(f"{metric}: wrote {fetch(file, source)}")
