"""Mean absolute difference."""

from torch.nn.functional import l1_loss

from defocus.baselines.losses.loss import Loss

__all__ = ["make"]


def make() -> Loss:
    """The loss."""
    return l1_loss
