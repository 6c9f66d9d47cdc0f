"""Mean absolute difference."""

from torch.nn.functional import l1_loss

from defocus.baselines.loss import LossFunction


def make() -> LossFunction:
    """The loss."""
    return l1_loss
