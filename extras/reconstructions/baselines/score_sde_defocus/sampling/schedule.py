"""Noise levels of a variance-exploding diffusion.

Source: Song et al., Score-Based Generative Modeling through SDEs (ICLR 2021), section 3.4."""

import math
from dataclasses import dataclass

LAST_TIME = 1e-5
"""Last time of the sampler, shortly before the end, where the noise is least."""


@dataclass(frozen=True)
class Step:
    """One step of a sampler."""

    level: float  # noise that the score is asked for
    sigma: float  # noise before the step
    after: float  # noise after it


@dataclass(frozen=True)
class Exploding:
    """sigma(t) = smallest (largest / smallest)^t."""

    smallest: float = 0.01  # at t = 0
    # at t = 1; about the largest distance between two pictures of the training set
    largest: float = 50.0
    count: int = 1000  # levels between them, both included

    def sigma(self, time: float) -> float:
        """The noise at a time in [0, 1]."""
        return self.smallest * math.pow(self.largest / self.smallest, time)

    def levels(self, until: float = 1.0, count: int | None = None) -> list[float]:
        """A geometric row from the smallest level to that of a time."""
        count = count or self.count
        return [self.sigma(until * index / max(count - 1, 1)) for index in range(count)]

    def steps(self, count: int, start: float = 1.0) -> list[Step]:
        """``count`` items from the level of a time down to no noise."""
        levels = [0.0, *self.levels(start, count)]
        slope = (start - LAST_TIME) / max(count - 1, 1)
        steps = []
        for index in range(count):
            sigma = self.sigma(start - index * slope)
            left = count - index
            steps.append(Step(sigma, levels[left], levels[left - 1]))
        return steps
