"""``defocus-bench fetch-weights``."""

import click

__all__ = ["command"]

BACKBONE_OF = {"lpips": "alex", "lpips_vgg": "vgg", "lpips_squeeze": "squeeze"}


@click.command()
@click.argument("metric", type=click.Choice(sorted(BACKBONE_OF)))
@click.option(
    "--from",
    "source",
    metavar="FILE_OR_URL",
    help="Take them from a file or an address of your own instead of their makers' server.",
)
def command(metric: str, source: str | None) -> None:
    """Fetch the backbone weights of METRIC, check their hash and put them where torch looks.

    LPIPS needs a network of torchvision that no package carries: AlexNet (244 MB), and on request
    VGG-16 (528 MB) or SqueezeNet (5 MB). On a machine without a network, copy the file from
    another one and give it with --from.
    """
    from defocus.benchmark.metrics.backbone_files import BACKBONES, fetch, is_intact, location
    from defocus.progress import say

    file = BACKBONES[BACKBONE_OF[metric]]
    if is_intact(file) and source is None:
        say(f"{metric}: {location(file)} is in place and intact")
        return
    say(f"{metric}: fetching {source or file.url}")
    say(f"{metric}: wrote {fetch(file, source)}")
