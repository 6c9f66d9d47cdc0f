"""Every case, ours and its peer: ``pytest tests/speed --benchmark-only -n 0``."""

import time
from timeit import Timer

import cv2
import numba
import pytest
import torch

from tests.speed.case import Case, all_cases, kept_ratios

PEER_S: dict[str, float] = {}
"""CPU seconds of the peers, which are measured first."""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    numba.set_num_threads(1)


@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    ("case", "side"),
    [
        pytest.param(
            case,
            side,
            id=f"{case.name}-{side}",
            marks=pytest.mark.benchmark(group=case.name, timer=time.process_time),
        )
        for case in all_cases()
        for side in ("peer", "ours")
        if getattr(case, side)
    ],
)
def test_speed(case, side, benchmark, record_property):
    work = getattr(case, side)()
    iterations, _ = Timer(work, timer=time.process_time).autorange()  # also warms up
    benchmark.pedantic(work, rounds=3, iterations=iterations)
    if benchmark.disabled:
        return
    if side == "peer":
        PEER_S[case.name] = benchmark.stats["min"]
    elif case.name in PEER_S:
        benchmark.extra_info.update(
            row_of(case, benchmark.stats["min"], PEER_S[case.name])
        )
        record_property("speed", line_of(case, benchmark.extra_info["ratio"]))


def row_of(case: Case, ours: float, peer: float) -> dict[str, object]:
    """What is kept of a case in the history of releases."""
    return {
        "name": case.name,
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "target": case.target,
        "max_difference": case.difference() if case.difference else None,
        "tolerance": case.tolerance,
    }


def line_of(case: Case, ratio: float) -> str:
    """The ratio, what it was, what it should be, and what it is against."""
    release, kept = kept_ratios()
    before = [f"{release}: {kept[case.name]:.2f} ×"] if case.name in kept else []
    wanted = [f"target: {case.target:g} ×"] if case.target else []
    words = ", ".join(before + wanted + [case.note] * bool(case.note))
    return f"{case.name}: {ratio:.2f} ×" + (f" ({words})" if words else "")
