"""Mean squared difference."""

from torch.nn.functional import mse_loss

from defocus.baselines.losses.loss import Loss

__all__ = ["make"]


def make() -> Loss:
    """The loss."""
    return mse_loss
