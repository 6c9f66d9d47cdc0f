"""Mean squared difference."""

from torch.nn.functional import mse_loss

from defocus.baselines.loss import LossFunction

__all__ = ["make"]


def make() -> LossFunction:
    """The loss."""
    return mse_loss
