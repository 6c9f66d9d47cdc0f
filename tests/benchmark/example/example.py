"""A network, a dataset and a metric of one's own: all that a package needs beside its metadata."""

from torch import nn

from defocus.baselines.card import Baseline, Card
from defocus.baselines.recipe import Recipe, Schedule
from defocus.benchmark.scoring.metric import Metric
from defocus.datasets.opening import opened
from defocus.datasets.pair import Pair

SHORT = Schedule(steps=3, crop_px=16, batch=2, learning_rate=1e-3)
RECIPE = Recipe(epochs=1, paper=SHORT, quick=SHORT, demo=SHORT)
CARD = Card("example-net", "Example", "network", "single", "paper", "none", "nothing", "MIT")
NETWORK = Baseline(CARD, lambda: nn.Conv2d(3, 3, 3, padding="same"), lambda: RECIPE)
METRIC = Metric(
    "worst", "Worst", "lower", "", 3, lambda a, b, mask, _: float(abs(a - b)[mask].max())
)


def read(root):
    scenes = [(one, "test" if one.name[0] == "t" else "train") for one in sorted(root.iterdir())]
    pairs = [Pair(f.name, f.name, s, f / "blurry.png", f / "sharp.png") for f, s in scenes]
    return opened("example", root, tuple(pairs))
