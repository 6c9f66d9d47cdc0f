"""Learned perceptual image patch similarity with SqueezeNet 1.1."""

from defocus.benchmark.metrics.lpips import lpips_metric

__all__ = ["METRIC"]

METRIC = lpips_metric("squeeze")
