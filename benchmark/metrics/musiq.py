"""MUSIQ with the KonIQ-10k weights, a quality score without reference, through ``pyiqa``."""

from defocus.benchmark.metric import iqa

__all__ = ["METRIC"]

METRIC = iqa.without_reference("musiq", "MUSIQ", decimals=2, top=100.0)
