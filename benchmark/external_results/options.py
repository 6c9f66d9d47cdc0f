"""Settings of ``defocus-bench score``: its options. It imports nothing heavy."""

from pathlib import Path

import click

from defocus.benchmark.external_results.matching import Crop
from defocus.command_line.options import FOLDER
from defocus.command_line.where import cluster_field, where_field
from defocus.datasets.layouts.matching import Rule
from defocus.processes.machines import Where
from defocus.settings import JSON, CommandSettings, option

PICTURES = click.Path(path_type=Path)
"""A picture or a folder of pictures."""


class ScoreOptions(CommandSettings):
    """What is scored, against what, and by what."""

    restored: Path | None = option(
        None,
        "--restored DIR",
        type=PICTURES,
        heading="Pictures",
    )
    """Folder of restored pictures."""
    sharp: Path | None = option(None, "--sharp DIR", type=PICTURES)
    """Folder of the sharp pictures."""
    dataset: str | None = option(None, "--dataset DATASET")
    """Use the test pairs of READER:PATH instead of --sharp."""
    rule: Rule | None = option(None, "--match")
    """How files are matched: stem = equal names; suffix = cafe_MyNet.png for cafe; prefix =
    out_cafe.png; order = 0000.png, 0001.png and so on in the order of names, or numbers that differ
    by one as in DPDD. By default the rule that fits; if several fit, the command says so."""
    crop: Crop | None = option(None, "--crop")
    """Score the part around the centre that both pictures have, if their sizes differ by a few
    pixels or were cut to a multiple of up to 64. By default such a pair is left out."""
    profile: str = option("defocus-v1", "--profile NAME", heading="Metrics")
    """Conventions of the metrics: defocus-v1, dpdd16, dpdd8, dpdd8-crop16, png8, jdrl-sdd,
    jdrl-sdd-fixed, basicsr or pyiqa; or printed:SOURCE, which --as-printed found."""
    metric: tuple[str, ...] = option((), "--metric NAME")
    """Also compute this metric, such as lpips_vgg or musiq; repeatable."""
    flow_weights: Path | None = option(None, "--flow-weights")
    """PWC-Net weights for the JDRL profiles; by default those of the package."""
    as_printed: str | None = option(
        None,
        "--as-printed NAME",
        heading="Printed numbers",
    )
    """Find how the printed numbers of the blurry input of this data set (dpdd, realdof, lfdof)
    were computed: depth, size, crop, SSIM, mean, split. Give the blurry pictures as RESTORED, or
    --dataset alone. A profile that reproduces a row is kept as printed:SOURCE; the code is 1
    if none is within 0.01 dB and 0.001."""
    like: str | None = option(None, "--like METRIC=VALUE,...")
    """Like --as-printed, for a row of your own, such as psnr=23.89,ssim=0.725; kept as
    printed:own."""
    out: Path | None = option(None, "--out", type=FOLDER, heading="Output")
    """With --dataset and --name: also add a row to the leaderboard of this study."""
    name: str | None = option(None, "--name TEXT")
    """With --out: name of the row."""
    where: Where = where_field(1, "Number of pictures scored at once.")
    settings: Path | None = cluster_field()
    as_json: bool = JSON
