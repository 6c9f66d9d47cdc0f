"""Score-based deblurring: Gaussians whose posterior is known, its blur, its training."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.errors import ImageError
from defocus.extras.reconstructions.baselines.score_sde_defocus.network import ScoreSDE
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.blur import (
    gaussian_blur,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.likelihood import (
    Conditioned,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.sampler import (
    PutBack,
    Score,
    ancestral,
    predictor_corrector,
    reverse_diffusion,
)
from defocus.extras.reconstructions.baselines.score_sde_defocus.sampling.schedule import (
    Exploding,
)
from tests.baselines.overfitting import loss_falls_to, paired_batch

SAMPLES, SIZE = 4000, 4
SCHEDULE = Exploding(0.01, 10.0, 300)
NOISE = 0.3
RATIO = 0.075


def sampled(
    score: Score, put_back: PutBack = ancestral, schedule: Exploding = SCHEDULE
) -> torch.Tensor:
    """So many samples ``(SAMPLES, SIZE)``, from pure noise."""
    generator = torch.Generator().manual_seed(1)

    def draw() -> torch.Tensor:
        return torch.randn(SAMPLES, SIZE, generator=generator, dtype=torch.float64)

    start, steps = schedule.largest * draw(), schedule.steps(schedule.count)
    return predictor_corrector(score, start, steps, draw, RATIO, put_back)


def errors(
    samples: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor
) -> float:
    """The largest difference of sample mean and covariance, in standard errors of each entry."""
    variance = covariance.diagonal()
    of_mean = (samples.mean(0) - mean).abs() / (variance / len(samples)).sqrt()
    spread = (variance[:, None] * variance + covariance**2) / len(samples)
    of_covariance = (torch.cov(samples.T) - covariance).abs() / spread.sqrt()
    return float(torch.cat([of_mean, of_covariance.flatten()]).max())


def problem() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean of the prior, two orthonormal rows that are seen, and what is seen."""
    generator = torch.Generator().manual_seed(7)
    rotation, _ = torch.linalg.qr(
        torch.randn(SIZE, SIZE, generator=generator, dtype=torch.float64)
    )
    mean = torch.linspace(0.2, 0.8, SIZE, dtype=torch.float64)
    return mean, rotation[:2], torch.tensor([0.9, -0.4], dtype=torch.float64)


@pytest.mark.parametrize("put_back", [ancestral, reverse_diffusion])
def test_correlated_pictures_have_their_posterior(put_back):
    mean, rows, seen = problem()
    prior = 0.1 * torch.eye(SIZE, dtype=torch.float64) + 0.2
    gain = (
        prior
        @ rows.T
        @ torch.linalg.inv(rows @ prior @ rows.T + NOISE**2 * torch.eye(2))
    )
    posterior_mean = mean + gain @ (seen - rows @ mean)
    posterior = prior - gain @ rows @ prior

    def score(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
        spread = posterior + sigma**2 * torch.eye(SIZE)
        return -torch.linalg.solve(spread, (noisy - posterior_mean).T).T

    assert errors(sampled(score, put_back), posterior_mean, posterior) < 3


def test_few_steps_leave_no_noise():
    """Four, as the reduced system takes: the whole noise of each would stay in the picture."""
    variance = 0.01

    def score(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
        return -noisy / (variance + sigma**2)

    few = Exploding(0.01, 0.7, 4)
    assert sampled(score, ancestral, few).var() < 1.1 * variance
    assert sampled(score, reverse_diffusion, few).var() > 5 * variance


class Seen:
    """Two of the directions, as the blur of the likelihood."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows

    def adjoint_of(
        self, sharp: torch.Tensor, residual_to: torch.Tensor
    ) -> torch.Tensor:
        return (residual_to - sharp @ self.rows.T) @ self.rows


def test_the_likelihood_makes_a_prior_a_posterior():
    """Pictures with one variance, blur with A Aᵀ = 1: the term is exact."""
    mean, rows, seen = problem()
    variance = 0.25

    def prior(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
        return -(noisy - mean) / (variance + sigma**2)

    score = Conditioned(prior, Seen(rows), seen, variance, NOISE)
    gain = variance / (variance + NOISE**2) * rows.T
    posterior_mean = mean + gain @ (seen - rows @ mean)
    posterior = variance * (torch.eye(SIZE, dtype=torch.float64) - gain @ rows)
    samples = sampled(score)
    assert errors(samples, posterior_mean, posterior) < 3
    unseen = variance * torch.eye(SIZE, dtype=torch.float64)
    assert errors(samples, mean, unseen) > 10, (
        "the test tells the posterior from the prior"
    )


def blur_matrix(
    apply: Callable[[torch.Tensor], torch.Tensor], side: int
) -> torch.Tensor:
    units = torch.eye(side * side).view(-1, 1, side, side)
    return apply(units).flatten(1).T


def test_blur_keeps_light_and_has_its_own_adjoint():
    side = 10
    sigma = np.linspace(0.1, 3, side * side).reshape(side, side)
    blur = gaussian_blur(sigma, torch.zeros(1))
    matrix = blur_matrix(blur, side)
    torch.testing.assert_close(matrix.sum(1), torch.ones(side * side))
    residual = torch.rand(1, 1, side, side)
    adjoint = blur.adjoint_of(torch.zeros_like(residual), residual)
    torch.testing.assert_close(adjoint.flatten(), matrix.T @ residual.flatten())
    # The last pixel is blurred most: its own share is the smallest.
    assert float(matrix[-1].max()) < 0.1 < float(matrix[0].max())


def test_levels_are_those_of_the_schedule_and_end_without_noise():
    steps = Exploding().steps(5, start=0.5)
    assert steps[0].sigma == pytest.approx(0.01 * 5000**0.5)
    assert [step.after for step in steps[:-1]] == [step.sigma for step in steps[1:]]
    assert (steps[-1].sigma, steps[-1].after) == (0.01, 0.0)


def test_a_score_of_nothing_costs_a_half_per_value():
    torch.manual_seed(0)
    loss, parts = objective("score_matching")(
        ScoreSDE(), paired_batch(32), Progress(0, 0.0)
    )
    assert parts["per_value"] == pytest.approx(0.5, rel=0.05)
    assert loss.item() == pytest.approx(parts["per_value"] * 3 * 32 * 32)


@pytest.mark.full
def test_it_learns_a_batch_by_heart():
    torch.manual_seed(0)
    recipe = baseline("score-sde-defocus").recipe()
    criterion = objective(recipe.objective)
    ratio = loss_falls_to(
        ScoreSDE(), criterion, recipe, paired_batch(32), steps=25, learning_rate=3e-3
    )
    assert ratio < 0.8


def test_a_picture_that_is_not_finite_is_refused(refused):
    blurry = torch.rand(1, 3, 16, 16)
    blurry[0, 1, 3, 5] = torch.nan
    with refused(ImageError):
        ScoreSDE(steps=1)(blurry)
