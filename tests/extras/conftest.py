"""The extras' tests have the fixtures of the stages that they build on."""

from tests.benchmark.conftest import bench, start_bench, third_party, tiny_dataset
from tests.datasets.conftest import (
    both,
    full_disk,
    mild,
    strong,
    whole_strong,
    whole_wide,
    wide,
)

__all__ = [
    "bench",
    "both",
    "full_disk",
    "mild",
    "start_bench",
    "strong",
    "third_party",
    "tiny_dataset",
    "whole_strong",
    "whole_wide",
    "wide",
]
