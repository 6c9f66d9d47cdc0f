"""CLIP-IQA, a quality score without reference, through ``pyiqa``."""

from defocus.benchmark.metric import iqa

__all__ = ["METRIC"]

METRIC = iqa.without_reference("clipiqa", "CLIP-IQA", decimals=3, top=1.0)
