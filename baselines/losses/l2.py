"""Mean squared difference."""

from torch.nn.functional import mse_loss

from defocus.baselines.loss import LossFunction


def make() -> LossFunction:
    """The loss."""
    return mse_loss
