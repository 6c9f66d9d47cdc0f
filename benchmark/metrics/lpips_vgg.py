"""Learned perceptual image patch similarity with VGG-16."""

from defocus.benchmark.metrics.lpips import lpips_metric

__all__ = ["METRIC"]

METRIC = lpips_metric("vgg")
