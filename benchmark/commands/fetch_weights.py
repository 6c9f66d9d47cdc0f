"""``defocus-bench fetch-weights``."""

import click


@click.command()
@click.argument("metric", type=click.Choice(["lpips"]))
@click.option(
    "--from",
    "source",
    metavar="FILE_OR_URL",
    help="Take them from a file or an address of your own instead of their makers' server.",
)
def command(metric: str, source: str | None) -> None:
    """Fetch the backbone weights of METRIC, check their hash and put them where torch looks.

    LPIPS needs torchvision's AlexNet (244 MB), which no package carries. On a machine without a
    network, copy alexnet-owt-7be5be79.pth from another one and give it with --from.
    """
    from defocus.benchmark.metrics import alexnet
    from defocus.progress import say

    if alexnet.is_intact(alexnet.ALEXNET) and source is None:
        say(f"{metric}: {alexnet.location(alexnet.ALEXNET)} is in place and intact")
        return
    say(f"{metric}: fetching {source or alexnet.ALEXNET.url}")
    say(f"{metric}: wrote {alexnet.fetch(alexnet.ALEXNET, source)}")
