"""ContextualDeblur's training: a pixel loss and a sharpness loss of the contextual encoder."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.objective import Batch, Objective, Progress, Result, detached
from defocus.baselines.systems.contextual_deblur.network import ContextualDeblur

CONTEXT_WEIGHT = 0.2
CLASS_WEIGHT = 0.3


class ContextualObjective(Objective):
    """Charbonnier + 0.2 (1 - cosine(restored, sharp) + 0.3 (blurry is not sharp, restored is))."""

    # The released training cannot be run: its loss names embeddings and classes that it does not
    # show how to make. Here the guide is the embedding of the sharp picture, without gradient.

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:  # noqa: ARG002
        """The loss; its parts are ``charbonnier``, ``guidance`` and ``classes``, unweighted."""
        if not isinstance(network, ContextualDeblur):
            raise TypeError(
                f"the objective trains ContextualDeblur, not {type(network).__name__}"
            )
        restored = network(batch.blurry)
        pixels = charbonnier(restored, batch.target)
        # All three at once: the projector's batch norm needs more than one tile.
        together = torch.cat([batch.blurry, restored, batch.target])
        embeddings, logits = network.describe(together)
        of_blurry, of_restored, _ = logits.chunk(3)
        _, of_result, guide = embeddings.chunk(3)
        guidance = (
            1 - functional.cosine_similarity(of_result, guide.detach(), dim=-1).mean()
        )
        classes = _binary(of_blurry, 0.0) + _binary(of_restored, 1.0)
        loss = pixels + CONTEXT_WEIGHT * (guidance + CLASS_WEIGHT * classes)
        parts = {
            "charbonnier": pixels,
            "guidance": guidance,
            "classes": classes,
        }
        return loss, detached(parts)


def _binary(logits: Tensor, truth: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(
        logits,
        torch.full_like(logits, truth),
    )


def make() -> ContextualObjective:
    """The objective."""
    return ContextualObjective()
