"""What the reblurring of a finished training prefers: the true picture, or the blurry one.

A network that changes nothing asks for the blurry picture, one that blurs for the sharp one."""

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.baselines.objective import Batch
from defocus.baselines.objective_registry import objective
from defocus.baselines.objectives.jdrl import JDRLObjective
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.study.plan import Run, Study
from defocus.datasets.deriving.aligned_reference import measured_blur
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import read_array
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float
from defocus.training.record.checkpoint import load_checkpoint, restore
from defocus.training.record.folder import CHECKPOINT

SIDE_PX = 96
"""Side of the middle of a picture that is measured, px: that of the study's training crops."""


def reblur_losses(study: Study, run: Run) -> dict[str, float] | None:
    """Reblurring loss of ``truth`` and ``blurry``: the smaller one is what the reblurring asks for.

    None if the training has no reblurring."""
    home, trained = study.trained(run)
    if trained.recipe is None:
        return None
    recipe = trained.recipe
    loss = objective(recipe.objective, **recipe.objective_settings)
    if not isinstance(loss, JDRLObjective) or loss.settings.kernels == "none":
        return None
    path = run_folder(home.out, trained.id) / CHECKPOINT
    restore(load_checkpoint(path, trained.id), {"objective": loss})
    losses = [losses_of_pair(loss, pair) for pair in study.dataset.split("test")]
    truth, blurry = np.mean(losses, axis=0)
    return {"truth": float(truth), "blurry": float(blurry)}


@torch.no_grad()
def losses_of_pair(loss: JDRLObjective, pair: Pair) -> tuple[float, float]:
    """Reblurring loss of the truth and of the blurry picture of a rendered pair."""
    if pair.truth is None or pair.defocus_map is None:
        raise ValueError(f"pair {pair.id} is not rendered")
    blurry = _tensor(as_float(read_image(pair.blurry, pair.white)))
    truth = _tensor(as_float(read_image(pair.truth, pair.white)))
    supervision = {
        "defocus_map": np.abs(read_array(pair.defocus_map)).astype(np.float32),
    }
    if loss.settings.kernels == "thin-lens-measured" and pair.sharp is not None:
        supervision["measured_blur"] = measured_blur(pair.blurry, pair.sharp)
    arrays = {name: _tensor(one[..., None]) for name, one in supervision.items()}
    batch = Batch(blurry, truth, supervision=arrays)
    of_truth = loss.reblur_loss(truth, batch)
    of_blurry = loss.reblur_loss(blurry, batch)
    return float(of_truth), float(of_blurry)


def _tensor(picture: NDArray[np.float32]) -> torch.Tensor:
    """The middle of ``(H, W, C)`` as ``(1, C, SIDE_PX, SIDE_PX)``; all of a smaller picture."""
    height, width = picture.shape[:2]
    top = max((height - SIDE_PX) // 2, 0)
    left = max((width - SIDE_PX) // 2, 0)
    middle = picture[top : top + SIDE_PX, left : left + SIDE_PX]
    channels_first = np.ascontiguousarray(middle.transpose(2, 0, 1))
    return torch.from_numpy(channels_first)[None]
