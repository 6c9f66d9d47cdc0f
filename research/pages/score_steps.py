"""Makes docs/score_steps.png, PSNR over the sampler's steps.

``python -m research.pages.score_steps`` makes it."""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt

from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset
from defocus.datasets.patching.source import PatchForm, training_patches
from defocus.extras.reconstructions.baselines.score_sde_defocus.network import ScoreSDE
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float
from defocus.progress import say, track
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from research.light import middle
from research.pages import DOCS

mpl.use("agg")
TRAINING_STEPS, BATCH, CROP_PX, LEARNING_RATE = 250, 8, 32, 2e-3
COUNTS = (1, 2, 4, 8, 16)
SHOWN_PX = 96


def main() -> None:
    """Train the reduced network on the sample's sharp pictures; restore in more and more steps."""
    dataset = open_dataset("sample")
    network = trained(dataset)
    pictures = [middles(pair.blurry.parent) for pair in dataset.split("test")]
    before = np.mean([psnr(blurry, truth) for blurry, truth in pictures])
    curve = []
    for count in track(COUNTS, "steps"):
        network.steps = count
        levels = [psnr(network(blurry), truth) for blurry, truth in pictures]
        curve.append(np.mean(levels))
    _draw(curve, before)
    say(f"blurry {before:.2f} dB")
    for count, decibels in zip(COUNTS, curve, strict=True):
        say(f"{count} steps {decibels:.2f} dB")


def _draw(curve: list[np.floating], before: np.floating) -> None:
    """Draw the curve."""
    figure, axis = plt.subplots(figsize=(5, 3), layout="constrained")
    axis.semilogx(
        COUNTS,
        curve,
        "o-",
        base=2,
        label="Score SDE-rebuilt",
    )
    axis.axhline(float(before), color="grey", label="blurry")
    axis.set(xlabel="steps of the sampler", ylabel="PSNR, dB (truth)")
    axis.set_xticks(COUNTS, list(map(str, COUNTS)))
    axis.legend()
    figure.savefig(DOCS / "score_steps.png", dpi=80)


def trained(dataset: Dataset) -> ScoreSDE:
    """A network that saw a few thousand sharp crops."""
    torch.manual_seed(0)
    system = baseline("score-sde-defocus")
    network = ScoreSDE()
    recipe = system.recipe()
    criterion = objective(recipe.objective)
    patches = training_patches(dataset, "train", "truth", PatchForm(CROP_PX))
    optimisers = make_optimisers(recipe, network, criterion)
    for step in track(range(TRAINING_STEPS), "training"):
        batch = patches.batch(step, BATCH, 0)
        rate = LEARNING_RATE * min(1.0, (step + 1) / 20)
        optimiser_step(
            recipe,
            optimisers,
            network,
            criterion,
            batch,
            Progress(step, 0.0),
            rate,
        )
    return network.eval()


def middles(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Blurry picture and truth, ``(1, 3, SHOWN_PX, SHOWN_PX)`` out of the middle."""
    values = []
    for name in ("blurry.png", "truth.png"):
        picture = as_float(read_image(folder / name))
        crop = torch.from_numpy(middle(picture, SHOWN_PX))
        channels_first = crop.permute(2, 0, 1)
        values.append(channels_first[None].contiguous())
    return values[0], values[1]


def psnr(restored: torch.Tensor, truth: torch.Tensor) -> float:
    """Peak signal-to-noise ratio, dB."""
    error = (restored - truth).square().mean()
    return float(-10 * error.log10())


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
