"""Comparison of an ONNX graph with its network: values and time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.errors import NotApplicableError

TOLERANCE = 1e-4
"""Largest difference, as a share of the range of the values, which is taken as 1 at least."""

REPEATS = 2
TIMED_PX = 128

Array = NDArray[np.float32]


@dataclass(frozen=True)
class GraphAgreement:
    """How an ONNX graph compares with PyTorch."""

    sizes: tuple[tuple[int, int], ...]  # heights and widths at which both were run
    difference: float  # largest of any value, as a share of the range
    time_ratio: float  # CPU time of ONNX Runtime over that of PyTorch


def agreement(
    graph: bytes,
    network: nn.Module,
    channels: int,
    sizes: Sequence[tuple[int, int]],
) -> GraphAgreement:
    """Run a graph and its network, on the CPU, on the same random pictures of some sizes.

    A difference of more than :data:`TOLERANCE` is a NotApplicableError."""
    run = onnx_session(graph)
    worst = 0.0
    for number, size in enumerate(sizes):
        difference = _difference(network, channels, size, number, run)
        worst = max(worst, difference)
    timed = sizes[0] if len(sizes) == 1 else (TIMED_PX, TIMED_PX)
    return GraphAgreement(
        tuple(sizes),
        worst,
        _time_ratio(run, network, channels, timed),
    )


def _difference(
    network: nn.Module,
    channels: int,
    size: tuple[int, int],
    number: int,
    run: Callable[[Array], Array],
) -> float:
    """Largest difference on one picture, as a share of the range; refused above the tolerance."""
    picture = _picture(channels, size, number)
    expected = _restored(network, picture)
    given = _run(run, picture, size)
    if given.shape != expected.shape:
        raise NotApplicableError(
            f"its graph gives {given.shape} instead of {expected.shape} at {_text(size)} px"
        )
    span = max(1.0, float(expected.max() - expected.min()))
    difference = float(np.abs(given - expected).max()) / span
    if not difference <= TOLERANCE:
        raise NotApplicableError(
            f"its graph differs by {difference:.0e} of the range at {_text(size)} px"
        )
    return difference


def onnx_session(graph: bytes) -> Callable[[Array], Array]:
    """A graph as a function of a picture ``(1, C, H, W)``, on as many threads as PyTorch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            graph,
            options,
            providers=["CPUExecutionProvider"],
        )
    except onnx_errors() as error:
        raise NotApplicableError(
            f"ONNX Runtime refuses its graph: {_short(error)}"
        ) from error
    name = session.get_inputs()[0].name

    def run(picture: Array) -> Array:
        return np.asarray(session.run(None, {name: picture})[0], np.float32)

    return run


def onnx_errors() -> tuple[type[Exception], ...]:
    """Errors that ONNX Runtime raises for graphs and inputs that it cannot run."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.NotImplemented,
        state.RuntimeException,
    )


def _run(run: Callable[[Array], Array], picture: Array, size: tuple[int, int]) -> Array:
    try:
        return run(picture)
    except onnx_errors() as error:
        raise NotApplicableError(
            f"its graph fails at {_text(size)} px: {_short(error)}"
        ) from error


def _restored(network: nn.Module, picture: Array) -> Array:
    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(picture)).numpy())


def _picture(channels: int, size: tuple[int, int], seed: int) -> Array:
    return np.random.default_rng(seed).random((1, channels, *size), np.float32)


def _time_ratio(
    run: Callable[[Array], Array],
    network: nn.Module,
    channels: int,
    size: tuple[int, int],
) -> float:
    """Ratio of the least CPU times of both, taken in turns after a first run of each."""
    picture = _picture(channels, size, 0)
    ways: tuple[Callable[[], Array], ...] = (
        partial(run, picture),
        partial(_restored, network, picture),
    )
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPEATS + 1):
        for way, spent in zip(ways, seconds, strict=True):
            started = time.process_time()
            way()
            spent.append(time.process_time() - started)
    own, torchs = (min(spent[1:]) for spent in seconds)
    return own / torchs


def _text(size: tuple[int, int]) -> str:
    height, width = size
    return f"{width}x{height}"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
